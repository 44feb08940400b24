import * as assert from 'node:assert/strict';
import { Stack } from 'aws-cdk-lib';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { PostludeTask, PostludeTaskProps } from '../lib';
import { Json, properties, resources, statements } from './plain';
import { ACCOUNT, Fixture, REGION } from './stack';

export type Changes = Omit<Partial<PostludeTaskProps>, 'databaseName'> & { readonly databaseName?: string };

/** A task in the fixture's stack, and what there is to look at. */
export function make(f: Fixture, changes: Changes = {}): PostludeTask {
  const { vpc, cluster, proxy, image } = f;
  return new PostludeTask(f.stack, 'Migrate', { vpc, cluster, proxy, image, databaseName: 'orders', ...changes });
}

/** The container of a stack's task definition. */
export function container(stack: Stack, id = 'MigrateDefinition'): Json {
  const [only, ...more] = properties(stack, id).ContainerDefinitions;
  assert.equal(more.length, 0);
  return only;
}

export function environment(stack: Stack, id = 'MigrateDefinition'): { [name: string]: string } {
  const pairs: Json[] = container(stack, id).Environment;
  return Object.fromEntries(pairs.map(({ Name, Value }) => [Name, Value]));
}

/** The task role's own statements. */
export function allowed(stack: Stack): Json[] {
  return statements(stack, ['MigrateTaskRoleDefaultPolicy']).MigrateTaskRoleDefaultPolicy;
}

export const CONNECT = {
  Action: 'rds-db:connect',
  Resource: `arn:aws:rds-db:${REGION}:${ACCOUNT}:dbuser:{{Proxy.DBProxyArn}/:[6]}/migrator`,
};

/** The rules that let somebody in and are resources of their own. */
export function ingress(stack: Stack): Json[] {
  return Object.values(resources(stack)).filter(({ Type }) => Type === 'AWS::EC2::SecurityGroupIngress')
    .map(({ Properties }) => Properties).filter(({ Description }) => Description === 'postlude runs migrations');
}

export function secretOf(stack: Stack): secretsmanager.Secret {
  return new secretsmanager.Secret(stack, 'Secret');
}

export function imported(stack: Stack): rds.IDatabaseProxy {
  return rds.DatabaseProxy.fromDatabaseProxyAttributes(stack, 'Imported', {
    dbProxyName: 'orders',
    dbProxyArn: `arn:aws:rds:${REGION}:${ACCOUNT}:db-proxy:prx-0a1b2c3d`,
    endpoint: 'orders.proxy-abc.eu-west-3.rds.amazonaws.com',
    securityGroups: [],
  });
}
