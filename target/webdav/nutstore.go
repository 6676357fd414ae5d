package webdav

import "time"

// Nutstore (dav.jianguoyun.com) accepts 600 requests in half an hour free of charge, and
// 1,500 from paying users. One upload may have at most 500 MB.
const nutstoreHost = "dav.jianguoyun.com"

// blockedTemporarily is part of Nutstore's answer after too many requests.
const blockedTemporarily = "BlockedTemporarily"

// KnownLimits returns how many requests a host accepts and the size of its largest upload
// in bytes. Both are zero for an unknown host.
func KnownLimits(host string) (b Budget, maxUpload int64) {
	if host == nutstoreHost {
		return Budget{Requests: 600, Interval: 30 * time.Minute}, 500_000_000
	}
	return Budget{}, 0
}
