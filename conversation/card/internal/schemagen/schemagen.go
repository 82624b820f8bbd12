// Package schemagen writes the JSON Schema of cards from the Go source of
// package card: its types, their JSON tags and their comments. It reads the
// source rather than reflecting on the types, because a schema without the
// comments would leave out what a reader needs most.
//
// It knows the few shapes that the card types use; anything else is an error
// and a reason to keep the types plain.
package schemagen

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Kind is a kind of card with the name of its data type, empty for none.
type Kind struct{ Name, Data string }

// Generate gives the schema of the package whose files lie in dir.
func Generate(dir string, kinds []Kind) ([]byte, error) {
	g := generator{defs: map[string]any{}, enums: map[string][]string{}}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	var parsed []*ast.File
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, file)
	}
	for _, file := range parsed {
		g.collectEnums(file)
	}
	for _, file := range parsed {
		if err := g.collectTypes(file); err != nil {
			return nil, err
		}
	}
	return g.document(kinds)
}

type generator struct {
	defs  map[string]any
	enums map[string][]string // constants of each named string type
}

// document puts the definitions together.
func (g *generator) document(kinds []Kind) ([]byte, error) {
	card, ok := g.defs["Card"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("there is no type Card")
	}
	named := map[string]any{}
	var conditions []any
	for _, k := range kinds {
		if k.Data == "" {
			continue
		}
		if _, ok := g.defs[k.Data]; !ok {
			return nil, fmt.Errorf("kind %s: there is no type %s", k.Name, k.Data)
		}
		named[k.Name] = ref(k.Data)
		conditions = append(conditions, map[string]any{
			"if":   map[string]any{"properties": map[string]any{"kind": map[string]any{"const": k.Name}}},
			"then": map[string]any{"properties": map[string]any{"data": ref(k.Data)}, "required": []string{"data"}},
		})
	}
	card["allOf"] = conditions
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"$id":     "urn:openova:sandbox:card",
		"title":   "OpenOva Sandbox card",
		"$ref":    "#/$defs/Card",
		"x-kinds": named,
		"$defs":   g.defs,
	})
	return out.Bytes(), err
}

// collectEnums finds the constants that have a named type.
func (g *generator) collectEnums(file *ast.File) {
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.CONST {
			continue
		}
		for _, spec := range gen.Specs {
			value := spec.(*ast.ValueSpec)
			name, ok := value.Type.(*ast.Ident)
			if !ok {
				continue
			}
			for _, v := range value.Values {
				if lit, ok := v.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					if s, err := strconv.Unquote(lit.Value); err == nil {
						g.enums[name.Name] = append(g.enums[name.Name], s)
					}
				}
			}
		}
	}
}

// collectTypes makes a definition of each exported type.
func (g *generator) collectTypes(file *ast.File) error {
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.TYPE {
			continue
		}
		for _, spec := range gen.Specs {
			t := spec.(*ast.TypeSpec)
			if !t.Name.IsExported() {
				continue
			}
			def, err := g.define(t)
			if err != nil {
				return fmt.Errorf("type %s: %w", t.Name.Name, err)
			}
			describe(def, cmp.Or(text(t.Doc), text(gen.Doc)))
			g.defs[t.Name.Name] = def
		}
	}
	return nil
}

func (g *generator) define(t *ast.TypeSpec) (map[string]any, error) {
	body, ok := t.Type.(*ast.StructType)
	if !ok {
		def, err := schemaOf(t.Type)
		if values := g.enums[t.Name.Name]; err == nil && len(values) > 0 {
			keyword := "enum"
			if t.Name.Name == "Kind" {
				keyword = "examples" // a card of a newer kind is valid, too
			}
			def[keyword] = values
		}
		return def, err
	}
	properties, required := map[string]any{}, []string{}
	for _, field := range body.Fields.List {
		if len(field.Names) == 0 || field.Tag == nil {
			return nil, fmt.Errorf("an embedded field or one without a JSON tag")
		}
		tag, err := strconv.Unquote(field.Tag.Value)
		if err != nil {
			return nil, err
		}
		name, options, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
		if name == "-" {
			continue
		}
		property, err := schemaOf(field.Type)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", name, err)
		}
		describe(property, cmp.Or(text(field.Doc), text(field.Comment)))
		properties[name] = property
		if !slices.Contains(strings.Split(options, ","), "omitempty") {
			required = append(required, name)
		}
	}
	return map[string]any{"type": "object", "properties": properties, "required": required}, nil
}

// schemaOf gives the schema of a type as it is written in the source.
func schemaOf(e ast.Expr) (map[string]any, error) {
	switch e := e.(type) {
	case *ast.Ident:
		switch e.Name {
		case "string":
			return map[string]any{"type": "string"}, nil
		case "bool":
			return map[string]any{"type": "boolean"}, nil
		case "int", "int64":
			return map[string]any{"type": "integer"}, nil
		case "uint64":
			return map[string]any{"type": "integer", "minimum": 0}, nil
		}
		if e.IsExported() {
			return ref(e.Name), nil
		}
	case *ast.StarExpr:
		return schemaOf(e.X)
	case *ast.ArrayType:
		items, err := schemaOf(e.Elt)
		return map[string]any{"type": "array", "items": items}, err
	case *ast.SelectorExpr:
		if e.Sel.Name == "RawMessage" {
			return map[string]any{}, nil // any JSON
		}
	}
	return nil, fmt.Errorf("a shape that cards do not have: %T", e)
}

func ref(name string) map[string]any { return map[string]any{"$ref": "#/$defs/" + name} }

func describe(schema map[string]any, words string) {
	if words != "" {
		schema["description"] = words
	}
}

// text gives a comment as one paragraph, without the brackets of doc links.
func text(c *ast.CommentGroup) string {
	if c == nil {
		return ""
	}
	words := strings.Join(strings.Fields(c.Text()), " ")
	return strings.NewReplacer("[Kind", "Kind", "] card", " card", "] and", " and").Replace(words)
}
