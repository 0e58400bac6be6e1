// Replays calls of tools with the official MCP client for TypeScript and prints what came of each as one JSON document.
//
//     node decisions_client.mjs MODE CALLS.json http://127.0.0.1:8700/mcp/s/decisions
//     node decisions_client.mjs MODE CALLS.json PATH/TO/althing mcp stdio --toolset decisions
//
// Arguments and output are those of `decisions_client.py`. Needs the package `@modelcontextprotocol/client` 2.4.0.

import { readFileSync } from 'node:fs';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

const [mode, file, server, ...args] = process.argv.slice(2);
const negotiation = mode === 'legacy' || mode === 'auto' ? mode : { pin: mode };

function filled(value, session) {
  if (Array.isArray(value)) return value.map((inner) => filled(inner, session));
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, filled(inner, session)]));
  }
  return value === '$session' ? session : value;
}

async function replay(client, calls) {
  const told = [];
  let session;
  for (const call of calls) {
    const steps = [];
    const onprogress = ({ progress, total }) => steps.push([progress, total ?? null]);
    const request = { name: call.tool, arguments: filled(call.arguments ?? {}, session) };
    // The client checks structured content against the output schema by itself and raises if it does not fit.
    const result = await client.callTool(request, { onprogress, timeout: 60_000 });
    const structured = result.structuredContent ?? null;
    if (structured && call.tool === 'start_decision_analysis') session = structured.session_id;
    const texts = result.content.map((block) => block.text);
    told.push({ name: call.name, error: Boolean(result.isError), structured, texts, steps });
  }
  return told;
}

const env = { ...process.env };
const transport = args.length
  ? new StdioClientTransport({ command: server, args, env, cwd: process.cwd() })
  : new StreamableHTTPClientTransport(new URL(server));
const client = new Client({ name: 't', version: '1' }, { versionNegotiation: { mode: negotiation } });
await client.connect(transport);
// Listed first, so that the client knows each output schema.
const { tools } = await client.listTools();
console.log(JSON.stringify({ tools, calls: await replay(client, JSON.parse(readFileSync(file, 'utf8'))) }));
await client.close();
