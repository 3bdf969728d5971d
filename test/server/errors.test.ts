import { CODES, repositoryFile } from "../support/contract.ts";
import { describe, expect } from "../support/index.ts";
import { test } from "../support/quiet_system.ts";
import { schemaFiles } from "../support/schema.ts";
import { REFUSALS, SERVER_CODES } from "../../server/errors.ts";

const files = await schemaFiles();

describe("the list of refusals", () => {
  test("every refusal in db/ has a SQLSTATE, and each is one that the server knows", () => {
    const unnamed: string[] = [];
    const raised = new Set<string>();
    for (const [path, sql] of files) {
      for (const [statement] of sql.matchAll(/raise exception[^;]*;/gi)) {
        const state = /errcode\s*=\s*'(\w{5})'/.exec(statement)?.[1];
        if (state === undefined) unnamed.push(`${path}: ${statement}`);
        else raised.add(state);
      }
    }
    expect(unnamed).toEqual([]);
    expect([...raised].toSorted()).toEqual(Object.keys(REFUSALS).toSorted());
  });

  test("no SQLSTATE of ours is one that Postgres uses", () => {
    const classes = Object.keys(REFUSALS).map((state) => state.slice(0, 2));
    // The classes of the SQL standard and of Postgres: digits, F0, HV, P0 and XX.
    const theirs = classes.filter((name) => /^(?:[0-9].|F0|HV|P0|XX)$/.test(name));
    expect(theirs).toEqual([]);
  });

  test("docs/errors.md explains each code once, with its SQLSTATE", async () => {
    const table = (await repositoryFile("docs/errors.md")).matchAll(
      /^\| `([A-Z_]+)`\s*\| (?:`(\w{5})`|—)\s*\|/gm,
    );
    const explained = [...table].map(([, code, state]) => `${code} ${state}`);
    const known = [
      ...Object.entries(REFUSALS).map(([state, code]) => `${code} ${state}`),
      ...SERVER_CODES.map((code) => `${code} undefined`),
    ];
    expect(explained.toSorted()).toEqual(known.toSorted());
    expect(new Set(CODES).size).toBe(CODES.length);
  });
});

describe("of a database error a client learns nothing but the code", () => {
  const CREATE = `mutation ($name: String!, $status: String) {
    createProject(input: { project: { name: $name, status: $status } }) { project { name } }
  }`;

  test("two rows of one name", async ({ alice }) => {
    await alice.ask(CREATE, { name: "Same" });
    const answer = await alice.ask(CREATE, { name: "Same" });
    expect(answer).toEqual({
      status: 200,
      data: { createProject: null },
      errors: [
        {
          message: "There is such a row already",
          path: ["createProject"],
          locations: expect.any(Array),
          extensions: { code: "CONFLICT" },
        },
      ],
    });
  });

  test("a value that a check forbids", async ({ alice }) => {
    const { errors } = await alice.ask(CREATE, { name: "Other", status: "paused" });
    expect(errors).toMatchObject([
      { message: "A value is not among those allowed", extensions: { code: "BAD_USER_INPUT" } },
    ]);
    expect(JSON.stringify(errors)).not.toMatch(/paused|projects_|check/);
  });

  test("a fault of ours, in SQL", async ({ alice, admin }) => {
    await admin.query(`
      create or replace function app_public.tenant_has_feature(feature text) returns boolean
        language plpgsql stable parallel safe
      as $$ begin raise exception 'row 42 of secrets' using detail = 'sk_live_1', hint = 'look'; end $$
    `);
    const answer = await alice.ask(
      'query { tenantHasFeature(feature: "seats") currentUser { name } }',
    );
    expect(answer).toEqual({
      status: 200,
      data: { tenantHasFeature: null, currentUser: { name: "Alice" } },
      errors: [
        {
          message: "Something went wrong on our side",
          path: ["tenantHasFeature"],
          locations: expect.any(Array),
          extensions: {
            code: "INTERNAL",
            details: { reference: expect.stringMatching(/^[0-9a-f-]{36}$/) },
          },
        },
      ],
    });
  });
});
