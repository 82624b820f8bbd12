package web

import (
	_ "embed"
	"sync"

	"sigs.k8s.io/yaml"

	"github.com/openova-io/sandbox/conversation/fault"
)

//go:embed openapi.yaml
var openAPIYAML []byte

// openAPIJSON converts the description once in a process.
var openAPIJSON = sync.OnceValues(func() ([]byte, error) {
	doc, err := yaml.YAMLToJSONStrict(openAPIYAML)
	return doc, fault.Wrap(err, fault.Internal, "the API description is not valid YAML")
})

// OpenAPI gives the description of the HTTP API (OpenAPI 3.1) as JSON. Callers
// must not change it. An error means that the program was built with a broken
// description.
func OpenAPI() ([]byte, error) { return openAPIJSON() }
