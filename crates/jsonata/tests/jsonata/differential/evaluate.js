// Evaluates each line of standard input, `{"expr": …, "data": …}`, with the reference implementation.
const jsonata = require(require.resolve("jsonata", { paths: [process.argv[2]] }));
const lines = require("readline").createInterface({ input: process.stdin });

const evaluate = async ({ expr, data }) => {
  try {
    const value = await jsonata(expr).evaluate(data);
    if (value === undefined) return { undef: true };
    if (typeof value === "function" || value._jsonata_lambda || value._jsonata_function) return { unsupported: true };
    const json = JSON.stringify(value, (_, item) => (item && (item._jsonata_lambda || item._jsonata_function) ? undefined : item));
    return { ok: JSON.parse(json) };
  } catch (error) {
    return { err: error.code ?? null, message: String(error.message) };
  }
};

(async () => {
  for await (const line of lines) {
    console.log(JSON.stringify(await evaluate(JSON.parse(line))));
  }
})();
