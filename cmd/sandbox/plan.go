package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/provisioner"
)

// maxSpec is the size of a specification, in bytes.
const maxSpec = 1 << 20

// readSpec reads the one argument: a file, or - for standard input.
func readSpec(args []string, std stdio) ([]byte, error) {
	if len(args) != 1 {
		fmt.Fprintln(std.err, "sandbox: name one specification file, or - for standard input")
		return nil, errUsage
	}
	in := std.in
	if args[0] != "-" {
		f, err := os.Open(args[0])
		if err != nil {
			fmt.Fprintf(std.err, "sandbox: the specification cannot be read: %v\n", err)
			return nil, errUsage
		}
		defer f.Close()
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxSpec+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxSpec {
		return nil, fault.New(fault.Invalid, "the specification is larger than 1 MiB")
	}
	return raw, nil
}

// planned has the service plan a specification.
func planned(ctx context.Context, c *config, args []string, std stdio) (*http.Client, provisioner.Deployment, error) {
	raw, err := readSpec(args, std)
	if err != nil {
		return nil, provisioner.Deployment{}, err
	}
	client, err := ensureService(ctx, c.DataDir, serviceArgs(c))
	if err != nil {
		return nil, provisioner.Deployment{}, err
	}
	if w := (tools{c}).waiting(); w != "" {
		fmt.Fprintln(std.err, w)
	}
	var state struct {
		Deployment provisioner.Deployment `json:"deployment"`
	}
	err = call(ctx, client, http.MethodPost, "/api/v1/deployments", raw, &state)
	return client, state.Deployment, err
}

func runPlan(ctx context.Context, c *config, args []string, std stdio) error {
	_, d, err := planned(ctx, c, args, std)
	if c.JSON {
		enc := json.NewEncoder(std.out)
		var f *fault.Error
		if errors.As(err, &f) && f.Code == fault.Invalid {
			violations := f.Violations
			if len(violations) == 0 {
				violations = []fault.Violation{{Path: f.Path, Rule: "invalid", Message: f.Message, Suggestion: f.Hint}}
			}
			if err := enc.Encode(map[string]any{"violations": violations}); err != nil {
				return err
			}
			return errUsage
		}
		if err != nil {
			return err
		}
		return enc.Encode(map[string]any{"digest": d.Plan.Digest, "changes": d.Plan.Changes, "cost": d.Plan.Cost, "tfvars": d.Plan.Tfvars})
	}
	if err != nil {
		return err
	}
	printPlan(std.out, d)
	return nil
}

func printPlan(w io.Writer, d provisioner.Deployment) {
	for _, c := range provisioner.PlanCards(d) {
		fmt.Fprintf(w, "== %s ==\n%s\n\n", c.Title, c.Text)
	}
	fmt.Fprintf(w, "Digest: %s\n", d.Plan.Digest)
}

// runApply plans, has the plan approved by the person at the terminal or by the
// digest that they name, and follows the deployment to its end.
func runApply(ctx context.Context, c *config, args []string, std stdio) error {
	client, d, err := planned(ctx, c, args, std)
	if err != nil {
		return err
	}
	printPlan(std.out, d)
	digest := c.Approve
	if digest == "" {
		if !isTerminal(std.in) {
			return fault.New(fault.Invalid, "nobody is here to approve the plan").Do("Run it on a terminal, or name the plan: --approve %s", d.Plan.Digest)
		}
		fmt.Fprintf(std.out, "\nCreate %s for this price? Type the word approve: ", d.Spec.SovereignFQDN)
		line, _ := bufio.NewReader(std.in).ReadString('\n')
		if strings.TrimSpace(strings.ToLower(line)) != "approve" {
			fmt.Fprintln(std.out, "Not approved. Nothing was created.")
			return nil
		}
		digest = d.Plan.Digest
	}
	if digest != d.Plan.Digest {
		return fault.New(fault.Conflict, "the plan is not the one that --approve names").At("--approve").Do("Its digest is %s.", d.Plan.Digest)
	}
	path := "/api/v1/deployments/" + url.PathEscape(d.ID)
	if err := call(ctx, client, http.MethodPost, path+"/approval", map[string]string{"digest": digest, "value": "approve"}, nil); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.TimeOut)
	defer cancel()
	return followLogs(ctx, client, path, std.out)
}

// followLogs prints a deployment's log until it is over.
func followLogs(ctx context.Context, client *http.Client, path string, out io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://sandbox"+path+"/logs", nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the service does not answer")
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return problemFault(res)
	}
	var event string
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(make([]byte, 64<<10), 4<<20)
	for lines.Scan() {
		line := lines.Text()
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			event = name
			continue
		}
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			event = ""
			continue
		}
		switch event {
		case "":
			var l provisioner.LogLine
			if json.Unmarshal([]byte(data), &l) == nil {
				fmt.Fprintf(out, "%s  %-18s %s\n", l.Time.Format("15:04:05"), l.Phase, l.Message)
			}
		case "done":
			var state struct {
				Deployment provisioner.Deployment `json:"deployment"`
			}
			if err := json.Unmarshal([]byte(data), &state); err != nil {
				return fault.Wrap(err, fault.Unavailable, "the service's answer cannot be read")
			}
			return finished(out, state.Deployment)
		}
	}
	if ctx.Err() != nil {
		return fault.New(fault.Unavailable, "it is not ready yet, and goes on").Do("sandbox chat or the page show how far it is.")
	}
	return fault.New(fault.Unavailable, "the connection to the service is lost; the deployment goes on")
}

func finished(out io.Writer, d provisioner.Deployment) error {
	if d.Status != provisioner.StatusReady {
		return fault.New(fault.Unavailable, "the deployment is %s: %s", d.Status, d.Reason)
	}
	fmt.Fprintf(out, "\n%s is ready.\n", d.Spec.SovereignFQDN)
	for _, l := range d.Links {
		fmt.Fprintf(out, "  %s  %s\n", l.Label, l.URL)
	}
	return nil
}
