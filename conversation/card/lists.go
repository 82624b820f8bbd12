package card

import (
	"reflect"
	"strings"
)

// withLists gives a copy of data in which every list that is always part of the
// JSON is a list: a nil slice would be null, which the schema does not allow and
// no client expects.
func withLists(data any) any {
	v := reflect.ValueOf(data)
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return data
	}
	filled := reflect.New(v.Type()).Elem()
	filled.Set(v)
	fillLists(filled)
	return filled.Interface()
}

// fillLists works on a value of its own; it copies a slice before it changes
// what is in it.
func fillLists(v reflect.Value) {
	for i := range v.NumField() {
		field, tag := v.Field(i), v.Type().Field(i).Tag.Get("json")
		switch {
		case !field.CanSet():
		case field.Kind() == reflect.Struct:
			fillLists(field)
		case field.Kind() == reflect.Slice && field.IsNil():
			if !strings.Contains(tag, ",omitempty") {
				field.Set(reflect.MakeSlice(field.Type(), 0, 0))
			}
		case field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.Struct:
			items := reflect.MakeSlice(field.Type(), field.Len(), field.Len())
			reflect.Copy(items, field)
			for k := range items.Len() {
				fillLists(items.Index(k))
			}
			field.Set(items)
		}
	}
}
