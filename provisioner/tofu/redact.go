package tofu

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"
)

// masked stands for a value that must not be read.
const masked = "(sensitive)"

// minSecret is how long a secret must be to be searched for in what is left of
// a plan; shorter ones would hit ordinary words.
const minSecret = 8

// Redact makes tofu's plan JSON readable for anybody: the variables are dropped,
// every value that tofu marks as sensitive and every user_data is masked, and
// so is any text that still holds one of the given secrets. The result is
// tofu's plan format again.
func Redact(raw []byte, secrets []string) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var plan map[string]any
	if err := dec.Decode(&plan); err != nil {
		return nil, fmt.Errorf("read the plan: %w", err)
	}
	delete(plan, "variables")
	for _, list := range []string{"resource_changes", "resource_drift"} {
		for _, entry := range listOf(plan[list]) {
			redactChange(mapOf(mapOf(entry)["change"]))
		}
	}
	for _, change := range mapOf(plan["output_changes"]) {
		redactChange(mapOf(change))
	}
	redactValues(mapOf(plan["planned_values"]))
	redactValues(mapOf(mapOf(plan["prior_state"])["values"]))
	redactConfig(mapOf(plan["configuration"]))
	return json.Marshal(scrub(plan, longEnough(secrets)))
}

// readPlan redacts and parses a plan.
func readPlan(raw []byte, secrets []string) ([]byte, *tfjson.Plan, error) {
	redacted, err := Redact(raw, secrets)
	if err != nil {
		return nil, nil, err
	}
	var plan tfjson.Plan
	if err := json.Unmarshal(redacted, &plan); err != nil {
		return nil, nil, fmt.Errorf("parse the plan: %w", err)
	}
	return redacted, &plan, nil
}

func redactChange(change map[string]any) {
	for _, side := range []string{"before", "after"} {
		if v, ok := change[side]; ok {
			change[side] = mask(v, change[side+"_sensitive"])
		}
	}
	// Identities and generated configuration may quote values of either side.
	delete(change, "generated_config")
}

// redactValues masks a values representation: outputs and modules of resources.
func redactValues(values map[string]any) {
	for _, output := range mapOf(values["outputs"]) {
		if o := mapOf(output); o["sensitive"] == true {
			o["value"] = masked
		}
	}
	redactModule(mapOf(values["root_module"]))
}

func redactModule(module map[string]any) {
	for _, entry := range listOf(module["resources"]) {
		resource := mapOf(entry)
		if v, ok := resource["values"]; ok {
			resource["values"] = mask(v, resource["sensitive_values"])
		}
	}
	for _, child := range listOf(module["child_modules"]) {
		redactModule(mapOf(child))
	}
}

// redactConfig drops what a configuration may say about secrets: the defaults
// of sensitive variables and the arguments of provider blocks.
func redactConfig(config map[string]any) {
	for _, provider := range mapOf(config["provider_config"]) {
		delete(mapOf(provider), "expressions")
	}
	var walk func(module map[string]any)
	walk = func(module map[string]any) {
		for _, variable := range mapOf(module["variables"]) {
			if v := mapOf(variable); v["sensitive"] == true || v["ephemeral"] == true {
				delete(v, "default")
			}
		}
		for _, call := range mapOf(module["module_calls"]) {
			walk(mapOf(mapOf(call)["module"]))
		}
	}
	walk(mapOf(config["root_module"]))
}

// mask hides the parts of v that marks, tofu's parallel structure of true
// values, says are sensitive.
func mask(v, marks any) any {
	if marks == true && v != nil {
		return masked
	}
	switch v := v.(type) {
	case map[string]any:
		m := mapOf(marks)
		for k, item := range v {
			if text, ok := item.(string); ok && k == "user_data" && text != "" {
				v[k] = masked
				continue
			}
			v[k] = mask(item, m[k])
		}
	case []any:
		list := listOf(marks)
		for i, item := range v {
			var mark any
			if i < len(list) {
				mark = list[i]
			}
			v[i] = mask(item, mark)
		}
	}
	return v
}

// scrub masks every text that holds a secret: the last line of defence, for
// values that nobody marked.
func scrub(v any, secrets []string) any {
	switch v := v.(type) {
	case string:
		for _, s := range secrets {
			if strings.Contains(v, s) {
				return masked
			}
		}
	case map[string]any:
		for k, item := range v {
			v[k] = scrub(item, secrets)
		}
	case []any:
		for i, item := range v {
			v[i] = scrub(item, secrets)
		}
	}
	return v
}

func longEnough(secrets []string) []string {
	var out []string
	for _, s := range secrets {
		if len(s) >= minSecret {
			out = append(out, s)
		}
	}
	return out
}

func mapOf(v any) map[string]any { m, _ := v.(map[string]any); return m }
func listOf(v any) []any         { l, _ := v.([]any); return l }
