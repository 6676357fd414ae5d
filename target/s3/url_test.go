package s3

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestAURLSetsWhatItNames(t *testing.T) {
	for url, want := range map[string]Options{
		"s3://backup":        {Bucket: "backup"},
		"s3://backup/":       {Bucket: "backup"},
		"s3://backup/a/B_1/": {Bucket: "backup", Prefix: "a/B_1"},
		"s3://my.bucket/x?endpoint=minio.lan:9000&insecure=1&style=path&region=eu-central-1": {
			Bucket: "my.bucket", Prefix: "x", Endpoint: "minio.lan:9000", Insecure: true, Style: Path, Region: "eu-central-1"},
		"s3://b-1?endpoint=http://[::1]:9000/": {Bucket: "b-1", Endpoint: "[::1]:9000", Insecure: true},
		"s3://b-1?endpoint=https://s3.example": {Bucket: "b-1", Endpoint: "s3.example"},
		"s3://b-1?storage-class=GLACIER_IR&sse=aws:kms:key-1&checksum=crc32c&style=virtual": {
			Bucket: "b-1", StorageClass: "GLACIER_IR", SSE: "aws:kms:key-1", Checksum: "crc32c", Style: Virtual},
		"s3://b-1?object-lock=30d&lock-mode=compliance&delete-versions=1": {
			Bucket: "b-1", ObjectLock: 30 * 24 * time.Hour, LockMode: "compliance", DeleteVersions: true},
		"s3://b-1?object-lock=1y": {Bucket: "b-1", ObjectLock: 365 * 24 * time.Hour},
	} {
		got, err := ParseURL(url)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", url, got, err, want)
		}
	}
}

func TestABadURLSaysWhatIsWrong(t *testing.T) {
	for url, want := range map[string]string{
		"":                                          "want a URL",
		"backup":                                    "want a URL",
		"s3:backup":                                 "want a URL",
		"s3:///backup":                              "want a URL",
		"http://backup":                             "want a URL",
		"s3://backup:9000/x":                        "go to endpoint=",
		"s3://backup/%zz":                           "can't be read",
		"s3://backup#x":                             "has a #",
		"s3://ab":                                   "can't be a bucket",
		"s3://backup/a//b":                          "element that is empty",
		"s3://backup/../b":                          "only dots",
		"s3://backup/a b":                           "invalid character ' '",
		"s3://backup?reigon=x":                      "unknown parameter reigon",
		"s3://backup?region=a&region=b":             "given twice",
		"s3://backup?insecure=maybe":                "insecure: want 1 or 0",
		"s3://backup?style=dns":                     "neither path nor virtual",
		"s3://backup?object-lock=30":                "object-lock: want a number",
		"s3://backup?object-lock=0d":                "object-lock: want a number",
		"s3://backup?object-lock=101y":              "longer than 100 years",
		"s3://backup?lock-mode=x":                   "neither governance nor compliance",
		"s3://backup?storage-class=GLACIER":         "hours to become readable",
		"s3://backup?sse=rot13":                     "is not AES256",
		"s3://backup?checksum=sum":                  "neither md5 nor crc32c",
		"s3://backup?endpoint=https://h&insecure=1": "the endpoint is https",
		"s3://backup?endpoint=h/path":               "not a host",
	} {
		o, err := ParseURL(url)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v; want %q", url, o, err, want)
		}
	}
}

func TestAURLErrorQuotesNoCredentials(t *testing.T) {
	const key, secret = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY"
	for _, url := range []string{
		"s3://" + key + ":" + secret + "@backup/x",
		"s3://" + key + ":" + secret + "%zz@backup/x",
		"s3://backup?endpoint=" + key + ":" + secret + "@host",
		"s3://backup?" + secret,
		"s3://backup?x&" + key + "=" + secret + "%zz",
		"s3://backup?secret=" + secret,
	} {
		_, err := ParseURL(url)
		if err == nil || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("s3://backup/a?endpoint=h:1&insecure=1&region=r&object-lock=30d")
	f.Add("s3://b%2f../x?style=path&style=path")
	f.Fuzz(func(t *testing.T, url string) {
		o, err := ParseURL(url)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("the error has lines: %q", err)
			}
			return
		}
		again, err := o.normal()
		if err != nil {
			t.Fatalf("%+v parses and isn't valid: %v", o, err)
		}
		if o.Bucket == "" || strings.HasPrefix(o.Prefix, "/") || strings.HasSuffix(o.Prefix, "/") || again.Prefix != o.Prefix {
			t.Errorf("%q: %+v", url, o)
		}
	})
}

func TestCredentialsDoNotPrint(t *testing.T) {
	o := Options{Bucket: "b", Credentials: Credentials{"AKIA-ID", "very-secret", "token"}}
	for _, text := range []string{fmt.Sprintf("%v", o), fmt.Sprintf("%+v", o), fmt.Sprintf("%#v", o), o.Credentials.String(), fmt.Sprintf("%+v", &o)} {
		for _, secret := range []string{"AKIA-ID", "very-secret", "token"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s is in %s", secret, text)
			}
		}
	}
}
