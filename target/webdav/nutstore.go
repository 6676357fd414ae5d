package webdav

import "time"

// Nutstore (dav.jianguoyun.com) takes 600 requests in half an hour from those who don't
// pay, and 1,500 from those who do. One upload has 500 MB at most.
const nutstoreHost = "dav.jianguoyun.com"

// blockedTemporarily is in what Nutstore answers after too many requests.
const blockedTemporarily = "BlockedTemporarily"

// KnownLimits returns how many requests a host takes and the size of its largest upload in
// bytes. Both are zero for a host of which nothing is known.
func KnownLimits(host string) (b Budget, maxUpload int64) {
	if host == nutstoreHost {
		return Budget{Requests: 600, Interval: 30 * time.Minute}, 500_000_000
	}
	return Budget{}, 0
}
