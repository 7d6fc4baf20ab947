/** A program's own server with its own pages, and the API beside them. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { build } from "esbuild"
import { NodeServer } from "../../adapters/node/index.ts"
import type { Levada } from "../../adapters/promise/index.ts"

const PAGES = { status: "status.jsx", graph: "graph.js" }

const html = (name: string): string => `<!doctype html>
<meta charset="utf-8">
<title>${name}</title>
<div id="root"></div>
<script type="module" src="/${name}.js"></script>
`

/** Serves the pages `/status.html` and `/graph.html`, and all other paths by the API. */
export const serve = async (
  levada: Levada.Levada,
  { port }: { readonly port: number }
): Promise<{ readonly url: string; readonly close: () => Promise<void> }> => {
  const files = new Map<string, readonly [type: string, content: string]>()
  for (const [name, entry] of Object.entries(PAGES)) {
    const { outputFiles } = await build({
      entryPoints: [join(import.meta.dirname, entry)],
      bundle: true,
      format: "esm",
      platform: "browser",
      jsx: "automatic",
      define: { "process.env.NODE_ENV": '"production"' },
      write: false,
      logLevel: "error"
    })
    files.set(`/${name}.js`, ["text/javascript; charset=utf-8", outputFiles[0]!.text])
    files.set(`/${name}.html`, ["text/html; charset=utf-8", html(name)])
  }
  const api = NodeServer.toListener(levada.handler)
  const server = createServer((request, response) => {
    const file = files.get(new URL(request.url ?? "/", "http://localhost").pathname)
    if (file === undefined) return api(request, response)
    const [type, content] = file
    response.writeHead(200, { "content-type": type }).end(content)
  })
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, "127.0.0.1", resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      await levada.close()
      server.closeAllConnections()
      await closed
    }
  }
}
