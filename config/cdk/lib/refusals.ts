import { Token } from 'aws-cdk-lib';
import * as ecs from 'aws-cdk-lib/aws-ecs';

/** Variables that the construct, the rule or the provider sets, and nobody else. */
const RESERVED = new RegExp('^(POSTLUDE_EVENT.*|POSTLUDE_SCHEDULE.*|'
  + 'POSTLUDE_(LOG|PLAN|RERUN|REPORT_TOPIC|REASON|BY|DRY_RUN|TO|IMAGE)|DB_HOST|DB_PORT|DB_NAME|SNS_TOPIC_ARN)$');

/** The variables that a user gives to the container. */
export interface Variables {
  readonly environment?: { [name: string]: string };
  readonly secrets?: { [name: string]: ecs.Secret };
}

/** Throws when the user gives a variable that the construct sets, or gives one twice. */
export function refuseTaken(given: Variables, own: string[]): void {
  const environment = Object.keys(given.environment ?? {});
  const secrets = Object.keys(given.secrets ?? {});
  const taken = own.find((name) => environment.includes(name) || secrets.includes(name));
  if (taken !== undefined) {
    throw new Error(`${taken} is set by the construct: leave it out of environment and secrets`);
  }
  const twice = environment.find((name) => secrets.includes(name));
  if (twice !== undefined) {
    throw new Error(`${twice} is in environment and in secrets: ECS takes a name once`);
  }
}

/** Throws when a text that matters is given and empty. */
export function refuseEmpty(property: string, value: string | undefined, remedy: string): void {
  if (value !== undefined && !Token.isUnresolved(value) && value.trim() === '') {
    throw new Error(`${property} is empty: ${remedy}`);
  }
}

/** Throws when the name of a pipeline or a stage is none: rules compare it as it is, so that a pattern would never match. */
export function refuseNameless(property: string, value: string | undefined, remedy: string): void {
  refuseEmpty(property, value, remedy);
  if (value !== undefined && !Token.isUnresolved(value) && !/^[A-Za-z0-9.@_-]{1,100}$/.test(value)) {
    throw new Error(`${property} is ${JSON.stringify(value)}: CodePipeline's names have letters, digits and .@_- only, up to 100, and one`
      + ' that is none never matches; the patterns of a plan have no place here');
  }
}

/** Throws when the text is none that names a region. */
export function refuseRegionless(property: string, value: string | undefined): void {
  if (value !== undefined && !Token.isUnresolved(value) && !/^[a-z]+(-[a-z]+)+-\d+$/.test(value)) {
    throw new Error(`${property} is ${JSON.stringify(value)}, and no region: eu-west-3 is one`);
  }
}

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
