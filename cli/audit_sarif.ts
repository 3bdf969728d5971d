/** The audit's findings as SARIF 2.1.0, which code scanning shows beside the lines that it is about. */
import { createHash } from "node:crypto";

import type { Rule } from "../server/audit_rules.ts";
import type { Finding } from "../server/isolation_audit.ts";
import type { Place } from "./object_places.ts";

export type SarifOptions = {
  rules: readonly Rule[];
  findings: readonly Finding[];
  /** Where an object is made; the rule's own file stands in for what db/ does not make. */
  placeOf: (object: string) => Place | undefined;
};

/** One run of the audit, as a SARIF log. */
export function toSarif({ rules, findings, placeOf }: SarifOptions) {
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "rowhouse-audit",
            informationUri: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html",
            rules: rules.map(describeRule),
          },
        },
        originalUriBaseIds: { ROOT: { description: { text: "The checkout." } } },
        results: findings.map((finding) =>
          describeFinding(
            finding,
            rules.findIndex(({ id }) => id === finding.rule),
            placeOf(finding.object) ?? { file: fileOf(finding.rule), line: 1 },
          ),
        ),
      },
    ],
  };
}

function fileOf(rule: string): string {
  return `db/audit/${rule}.sql`;
}

function describeRule({ id, why }: Rule) {
  const [first = why] = /^.*?[.:;](?=\s|$)/.exec(why) ?? [];
  return {
    id,
    name: id,
    shortDescription: { text: first },
    fullDescription: { text: why },
    help: { text: `${why}\n\nThe rule: ${fileOf(id)}` },
    properties: { tags: ["security", "multi-tenancy"] },
  };
}

function describeFinding(finding: Finding, ruleIndex: number, { file, line }: Place) {
  const { rule, severity, object, detail, problem, remedy } = finding;
  return {
    ruleId: rule,
    ruleIndex,
    level: severity,
    message: { text: `${object}: ${problem}\n\n${remedy}` },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: file, uriBaseId: "ROOT" },
          region: { startLine: line },
        },
        logicalLocations: [{ fullyQualifiedName: object }],
      },
    ],
    // The same finding tomorrow, wherever its line has moved to.
    partialFingerprints: {
      "finding/v1": createHash("sha256").update(`${rule}\n${object}\n${detail}`).digest("hex"),
    },
  };
}
