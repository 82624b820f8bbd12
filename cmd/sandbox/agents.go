package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/shell"
	"github.com/openova-io/sandbox/shell/agent"
	"github.com/openova-io/sandbox/shell/hold"
)

// anthropicURL is where Anthropic's models are.
const anthropicURL = "https://api.anthropic.com"

// agent gives the folder that make has installed a coding agent in.
func (t tools) agent(name string) (string, bool) {
	done, ok := built(name+"-*", ".done")
	return filepath.Dir(done), ok
}

// agentModels are what coding agents think with, by what they speak.
func agentModels(c *config) (map[agent.API]shell.ModelAccess, error) {
	models := map[agent.API]shell.ModelAccess{}
	key, err := keyFrom(c.AnthropicKeyFile, "anthropic-key-file", "ANTHROPIC_API_KEY")
	if err != nil {
		return nil, err
	}
	if key != "" || c.AnthropicBaseURL != "" {
		m := shell.ModelAccess{URL: c.AnthropicBaseURL, Key: key, Name: c.AnthropicModel}
		if m.URL == "" {
			m.URL = anthropicURL
		}
		models[agent.Anthropic] = m
	}
	if key, err = keyFrom(c.OpenAIKeyFile, "openai-key-file", "OPENAI_API_KEY"); err != nil {
		return nil, err
	}
	if c.AgentModel != "" && c.OpenAIBaseURL != "" {
		models[agent.OpenAI] = shell.ModelAccess{URL: c.OpenAIBaseURL, Key: key, Name: c.AgentModel}
	}
	return models, nil
}

// toolServers are the MCP servers that coding agents know.
func toolServers(c *config) ([]shell.ToolServer, error) {
	if c.MCPServers == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(c.MCPServers)
	if err != nil {
		return nil, fault.New(fault.Invalid, "--mcp-servers cannot be read: %v", err)
	}
	return shell.ReadToolServers(raw, os.LookupEnv)
}

// places reads an option that lists hosts with ports.
func places(option, value string) ([]string, error) {
	var out []string
	for entry := range strings.SplitSeq(value, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		if err := hold.CheckEgress(entry); err != nil {
			return nil, fault.New(fault.Invalid, "--%s: %v", option, err)
		}
		out = append(out, entry)
	}
	return out, nil
}
