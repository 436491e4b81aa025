"use strict";
// The AWS SDK for JavaScript v3 against a server: create, start, sync, history, pages, an error's name.
// DARKROOM_ENDPOINT says where; the packages are found by NODE_PATH.

const assert = require("node:assert/strict");
const { randomUUID } = require("node:crypto");
const { test } = require("node:test");
const {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  SFNClient,
  SFNServiceException,
  StartExecutionCommand,
  StartSyncExecutionCommand,
  StateMachineDoesNotExist,
  paginateGetExecutionHistory,
  paginateListExecutions,
} = require("@aws-sdk/client-sfn");

const client = new SFNClient({
  endpoint: process.env.DARKROOM_ENDPOINT,
  region: "us-east-1",
  credentials: { accessKeyId: "123456789012", secretAccessKey: "secret" },
  // StartSyncExecution and TestState would go to a host whose name begins with `sync-`.
  disableHostPrefix: true,
  maxAttempts: 1,
});

const roleArn = "arn:aws:iam::123456789012:role/any";
const pass = (Result) => ({ Type: "Pass", Result });

/** A state machine with these states, one after the other. */
async function machine(type, ...states) {
  const names = states.map((_, place) => `S${place}`);
  const following = (place) => (place + 1 < names.length ? { Next: names[place + 1] } : { End: true });
  const States = Object.fromEntries(states.map((state, place) => [names[place], { ...state, ...following(place) }]));
  const definition = JSON.stringify({ StartAt: names[0], States });
  const created = await client.send(
    new CreateStateMachineCommand({ name: `javascript-${randomUUID()}`, type, definition, roleArn }),
  );
  assert.ok(created.creationDate instanceof Date);
  return created.stateMachineArn;
}

/** The execution, once it has ended. */
async function ended(executionArn) {
  for (;;) {
    const described = await client.send(new DescribeExecutionCommand({ executionArn }));
    if (described.status !== "RUNNING") {
      return described;
    }
  }
}

test("an execution is created, started and described", async () => {
  const stateMachineArn = await machine("STANDARD", pass({ size: "größe" }));
  const started = await client.send(new StartExecutionCommand({ stateMachineArn, name: "first", input: '{"n": 1.0}' }));
  assert.ok(started.startDate instanceof Date);
  const described = await ended(started.executionArn);
  assert.equal(described.status, "SUCCEEDED");
  assert.equal(described.input, '{"n": 1.0}');
  assert.deepEqual(JSON.parse(described.output), { size: "größe" });
  assert.ok(described.stopDate >= described.startDate);
});

test("a synchronous express execution is answered with its end", async () => {
  const stateMachineArn = await machine("EXPRESS", pass(7));
  const answer = await client.send(new StartSyncExecutionCommand({ stateMachineArn, input: "{}" }));
  assert.equal(answer.status, "SUCCEEDED");
  assert.equal(answer.output, "7");
  assert.ok(answer.billingDetails.billedDurationInMilliseconds >= 100);
});

test("a history is whole in pages of any size, and in reverse", async () => {
  const stateMachineArn = await machine("STANDARD", ...Array.from({ length: 5 }, (_, number) => pass(number)));
  const { executionArn } = await client.send(new StartExecutionCommand({ stateMachineArn }));
  await ended(executionArn);
  const { events } = await client.send(new GetExecutionHistoryCommand({ executionArn }));
  assert.deepEqual(events.map((event) => event.id), Array.from({ length: 12 }, (_, place) => place + 1));
  assert.equal(events.at(-1).type, "ExecutionSucceeded");
  assert.equal(events.at(-1).executionSucceededEventDetails.output, "4");
  for (const pageSize of [1, 5]) {
    const paged = [];
    for await (const page of paginateGetExecutionHistory({ client, pageSize }, { executionArn, reverseOrder: true })) {
      assert.ok(page.events.length <= pageSize);
      paged.push(...page.events);
    }
    assert.deepEqual(paged, events.toReversed());
  }
});

test("executions are listed in pages", async () => {
  const stateMachineArn = await machine("STANDARD", pass(null));
  const names = ["a", "b", "c"];
  for (const name of names) {
    await ended((await client.send(new StartExecutionCommand({ stateMachineArn, name }))).executionArn);
  }
  const listed = [];
  for await (const page of paginateListExecutions({ client, pageSize: 2 }, { stateMachineArn })) {
    listed.push(...page.executions.map((execution) => execution.name));
  }
  assert.deepEqual(listed, names.toReversed());
});

test("an error has its name and its message", async () => {
  const stateMachineArn = "arn:aws:states:us-east-1:123456789012:stateMachine:none";
  await assert.rejects(client.send(new StartExecutionCommand({ stateMachineArn })), (error) => {
    assert.ok(error instanceof StateMachineDoesNotExist && error instanceof SFNServiceException);
    assert.equal(error.name, "StateMachineDoesNotExist");
    assert.equal(error.message, `State Machine Does Not Exist: '${stateMachineArn}'`);
    assert.equal(error.$metadata.httpStatusCode, 400);
    return true;
  });
});
