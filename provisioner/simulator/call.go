package simulator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"
	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
)

// maxBody is the largest request body in bytes; user_data may be 32 KiB.
const maxBody = 1 << 20

// call is one request while it has the project for itself.
type call struct {
	sim  *Simulator
	p    *project
	now  time.Time
	r    *http.Request
	body []byte
	// created is the name of the resource that the request made, for the log.
	created string
}

// handler answers one route. It checks first and changes after; when it fails,
// what it changed is rolled back.
type handler func(*call) (reply, error)

// reply is an answer: a status and what becomes its JSON body, nil for none.
type reply struct {
	status int
	body   any
}

func ok(body any) reply      { return reply{http.StatusOK, body} }
func created(body any) reply { return reply{http.StatusCreated, body} }
func noContent() reply       { return reply{http.StatusNoContent, nil} }

// pathID reads an id from the path.
func (c *call) pathID(name string) (int64, error) {
	id, err := strconv.ParseInt(c.r.PathValue(name), 10, 64)
	if err != nil || id <= 0 {
		return 0, refuse(http.StatusNotFound, hcloud.ErrorCodeNotFound, "'%s' is not an ID", cut(c.r.PathValue(name), 40))
	}
	return id, nil
}

// decode reads the body; an empty one gives the zero value, as for actions
// that need no parameters.
func decode[T any](c *call) (T, error) {
	var in T
	if len(strings.TrimSpace(string(c.body))) == 0 {
		return in, nil
	}
	if err := json.Unmarshal(c.body, &in); err != nil {
		// The decoder's text can quote the body, which can hold a secret.
		return in, refuse(http.StatusBadRequest, hcloud.ErrorCodeJSONError, "the request body is not the JSON that this call takes")
	}
	return in, nil
}

// item is one element of a list together with what it can be filtered and
// sorted by.
type item struct {
	id      int64
	name    string
	status  string
	created time.Time
	labels  map[string]string
	view    any
}

// list filters by name and label_selector, sorts and cuts out the page that
// was asked for.
func (c *call) list(key string, items []item) (reply, error) {
	q := c.r.URL.Query()
	if q.Has("name") {
		items = without(items, func(i item) bool { return i.name != q.Get("name") })
	}
	if text := q.Get("label_selector"); text != "" {
		s, err := parseSelector(text)
		if err != nil {
			return reply{}, err
		}
		items = without(items, func(i item) bool { return !s.matches(i.labels) })
	}
	if err := sortItems(items, q["sort"]); err != nil {
		return reply{}, err
	}
	page, err := queryInt(q.Get("page"), "page", 1)
	if err != nil {
		return reply{}, err
	}
	perPage, err := queryInt(q.Get("per_page"), "per_page", 25)
	if err != nil {
		return reply{}, err
	}
	perPage = min(perPage, 50)
	meta := schema.MetaPagination{Page: page, PerPage: perPage, TotalEntries: len(items), LastPage: max(1, (len(items)+perPage-1)/perPage)}
	if page > 1 {
		meta.PreviousPage = page - 1
	}
	if page < meta.LastPage {
		meta.NextPage = page + 1
	}
	views := []any{}
	// A page beyond the last is empty; the product is only formed below it.
	if page <= meta.LastPage {
		for _, i := range items[min((page-1)*perPage, len(items)):min(page*perPage, len(items))] {
			views = append(views, i.view)
		}
	}
	return ok(map[string]any{key: views, "meta": pagination(meta)}), nil
}

// pagination writes the meta object with null, not 0, for a page that does not
// exist.
func pagination(m schema.MetaPagination) any {
	orNull := func(page int) any {
		if page == 0 {
			return nil
		}
		return page
	}
	return map[string]any{"pagination": map[string]any{
		"page": m.Page, "per_page": m.PerPage, "previous_page": orNull(m.PreviousPage),
		"next_page": orNull(m.NextPage), "last_page": m.LastPage, "total_entries": m.TotalEntries,
	}}
}

func queryInt(text, field string, otherwise int) (int, error) {
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 1<<30 {
		return 0, invalid(field, "a number from 1 on is needed")
	}
	return n, nil
}

// sortItems sorts by keys such as "name" or "created:desc", the first being
// the most significant.
func sortItems(items []item, keys []string) error {
	var compare []func(a, b item) int
	for _, key := range keys {
		field, order, _ := strings.Cut(key, ":")
		var by func(a, b item) int
		switch field {
		case "id":
			by = func(a, b item) int { return cmp.Compare(a.id, b.id) }
		case "name", "command":
			by = func(a, b item) int { return cmp.Compare(a.name, b.name) }
		case "created", "started":
			by = func(a, b item) int { return a.created.Compare(b.created) }
		case "status":
			by = func(a, b item) int { return cmp.Compare(a.status, b.status) }
		default:
			return invalid("sort", "%q cannot be sorted by", cut(field, 40))
		}
		switch order {
		case "", "asc":
			compare = append(compare, by)
		case "desc":
			compare = append(compare, func(a, b item) int { return by(b, a) })
		default:
			return invalid("sort", "the order is asc or desc")
		}
	}
	slices.SortStableFunc(items, func(a, b item) int {
		for _, by := range compare {
			if d := by(a, b); d != 0 {
				return d
			}
		}
		return cmp.Compare(a.id, b.id)
	})
	return nil
}

// labelsOf applies labels of an update; nil leaves them as they are.
func labelsOf(labels *map[string]string, before map[string]string) (map[string]string, error) {
	if labels == nil {
		return before, nil
	}
	return checkLabels(labels)
}

// action is the answer of a call that only starts an operation.
func (c *call) action(o *operation) reply {
	return created(schema.ActionGetResponse{Action: o.view(c.now)})
}

func (c *call) actions(operations []*operation) []schema.Action {
	out := []schema.Action{}
	for _, o := range operations {
		out = append(out, o.view(c.now))
	}
	return out
}

func itoa(id int64) string { return fmt.Sprint(id) }
