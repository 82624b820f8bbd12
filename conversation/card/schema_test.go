package card_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/card/internal/schemagen"
)

var update = flag.Bool("update", false, "write schema.json anew")

func TestSchemaIsCurrent(t *testing.T) {
	var kinds []schemagen.Kind
	for _, k := range card.Kinds() {
		kind := schemagen.Kind{Name: string(k)}
		if data := card.NewData(k); data != nil {
			kind.Data = reflect.TypeOf(data).Elem().Name()
		}
		kinds = append(kinds, kind)
	}
	want, err := schemagen.Generate(".", kinds)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := card.Schema()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatal("schema.json is not what the types say; run: go generate ./conversation/card")
	}
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	raw, err := card.Schema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("urn:openova:sandbox:card", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("urn:openova:sandbox:card")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func validate(t *testing.T, s *jsonschema.Schema, text []byte) error {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(value)
}

// Whatever New makes is valid, even from the emptiest data: what is a list in
// the schema is a list and never null.
func TestCardsAreValid(t *testing.T) {
	s := compiled(t)
	for _, k := range card.Kinds() {
		data := card.NewData(k)
		if data != nil { // an empty question type is no type
			if q := reflect.ValueOf(data).Elem().FieldByName("Question"); q.IsValid() {
				q.FieldByName("Type").SetString(string(card.AskText))
			}
		}
		text, err := json.Marshal(card.New("id", k, "", "text", data))
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, s, text); err != nil {
			t.Errorf("a card of kind %s is not valid: %v\n%s", k, err, text)
		}
	}
}

func TestSchemaRefuses(t *testing.T) {
	s := compiled(t)
	for _, text := range []string{
		`{}`,
		`{"id":"a","kind":"choice","seq":1,"text":"t"}`,
		`{"id":"a","kind":"choice","seq":1,"text":"t","data":{}}`,
		`{"id":"a","kind":"choice","seq":1,"text":"t","data":{"question":{"questionId":"q","prompt":"p","type":"guess"}}}`,
		`{"id":"a","kind":"text","seq":-1,"text":"t"}`,
		`{"id":"a","kind":"cost","seq":1,"text":"t","data":{"lines":null}}`,
	} {
		if validate(t, s, []byte(text)) == nil {
			t.Errorf("%s is valid", text)
		}
	}
	// A kind of the future is shown by its text.
	if err := validate(t, s, []byte(`{"id":"a","kind":"hologram","seq":1,"text":"t","data":[1]}`)); err != nil {
		t.Error(err)
	}
}

func TestSchemaIsTheCallers(t *testing.T) {
	a, _ := card.Schema()
	a[0] = 'x'
	if b, err := card.Schema(); err != nil || b[0] != '{' {
		t.Fatalf("the schema was changed: %v", err)
	}
}
