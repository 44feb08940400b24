/** The variable of a build that holds the image's name. */
export const IMAGE = 'POSTLUDE_IMAGE';

/** Variables that the construct, the rule or the provider sets, and nobody else. */
const RESERVED = new RegExp('^(POSTLUDE_EVENT.*|POSTLUDE_SCHEDULE.*|'
  + 'POSTLUDE_(LOG|PLAN|RERUN|REPORT_TOPIC|REASON|BY|DRY_RUN|TO|IMAGE)|DB_HOST|DB_PORT|DB_NAME|SNS_TOPIC_ARN)$');

/** Throws where the name is one that is not for users to set. */
export function refuseReserved(names: string[]): void {
  const taken = names.find((name) => RESERVED.test(name));
  if (taken !== undefined) {
    throw new Error(`${taken} is set by the construct or by what starts the task: leave it out of environment, secrets and outputs`);
  }
}

/** Throws where the name is none that a shell can hand on. */
export function refuseUnshellable(names: string[]): void {
  const wrong = names.find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (wrong !== undefined) {
    throw new Error(`${JSON.stringify(wrong)} is no name of a variable: letters, digits and _ only, and no digit first`);
  }
}
