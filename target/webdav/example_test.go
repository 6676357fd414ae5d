package webdav_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"
	"strings"

	dav "golang.org/x/net/webdav"

	"github.com/qsnap/qsnap/target/webdav"
)

func ExampleOpen() {
	ctx := context.Background()
	server := httptest.NewServer(&dav.Handler{FileSystem: dav.NewMemFS(), LockSystem: dav.NewMemLS()})
	defer server.Close()

	t, err := webdav.Open(ctx, webdav.Options{
		URL: server.URL + "/backup/app", Create: true,
		User: "ann", Password: "secret", // if it asks for them
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := t.Put(ctx, "packs/aa/1", strings.NewReader("hello"), 5); err != nil {
		log.Fatal(err)
	}
	for info, err := range t.List(ctx, "") {
		fmt.Println(info.Name, info.Size, err)
	}
	// Output: packs/aa/1 5 <nil>
}
