// Runs an installed http-cache-tests against a cache: `node conformance.mjs PACKAGE BASE LATER ONLY`.
// LATER is JSON: tests as tools/conformance.toml has them. Prints one JSON object: for each test whether it is published
// or later, its kind, and true or what was wrong.

import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [home, base, later, only] = process.argv.slice(2)
const load = path => import(pathToFileURL(join(home, path)))
const fetch = createRequire(join(home, 'package.json'))('node-fetch')
const { runTests, getResults } = await load('client/runner.mjs')
const suites = (await load('tests/index.mjs')).default
const published = suites.flatMap(suite => suite.tests).filter(test => !test.browser_only)

// A later test is a published one with another expectation, or two requests of its own: the first is to be answered with
// the fields given, the second three seconds later.
const made = JSON.parse(later).map(({ id, kind, like, expected, status, fields }) => {
  const test = like
    ? structuredClone(published.find(other => other.id === like))
    : { requests: [{ response_headers: fields.map(([name, value]) => [name, value, false]), setup: true, pause_after: true }, {}] }
  if (status) test.requests[0].response_status = [status, 'Any']
  test.requests[1].expected_type = expected
  return { ...test, name: id, id, kind }
})

const chosen = test => !only || new RegExp(only).test(test.id)
const tests = [...published, ...made].filter(chosen)
await runTests([{ tests }], fetch, false, base, 60)
const results = getResults()
const told = {}
for (const test of tests) {
  told[test.id] = {
    edition: made.includes(test) ? 'later' : 'published',
    kind: test.kind ?? 'required',
    result: results[test.id] ?? ['untested', '']
  }
}
console.log(JSON.stringify(told))
process.exit(0)
