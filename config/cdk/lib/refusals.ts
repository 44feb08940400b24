import { Token } from 'aws-cdk-lib';
import * as ecs from 'aws-cdk-lib/aws-ecs';

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
