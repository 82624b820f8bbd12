// Command provider is an OpenID provider for tests in a browser: it prints its issuer
// and answers until it is ended. Its arguments are the addresses of services that
// people come from.
package main

import (
	"fmt"
	"log"
	"os"

	"github.com/openova-io/sandbox/web/identity/identitytest/provider"
)

func main() {
	p, err := provider.New(provider.Account{Name: "nadia", Email: "nadia@alnoor.example", Verified: true, Org: "Al Noor Dental Clinic", Groups: []string{"/admins"}})
	if err != nil {
		log.Fatal(err)
	}
	// Before anything comes back from a service, so that it can be started with it.
	fmt.Println(p.Issuer)
	var callbacks []string
	for _, public := range os.Args[1:] {
		callbacks = append(callbacks, provider.Callback(public, "clinic"))
	}
	log.Fatal(p.Serve(callbacks...))
}
