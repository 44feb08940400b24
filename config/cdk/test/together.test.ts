import * as assert from 'node:assert/strict';
import { test } from 'node:test';
import { Environment, Stack } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { PostludeMigration } from '../lib';
import { ACCOUNT, Fixture, fixture, REGION, TOOLS } from './stack';

function migration(f: Fixture, stack: Stack, id: string, family?: string): PostludeMigration {
  return new PostludeMigration(stack, id, { ...f, pipelineName: 'orders', databaseName: 'orders', family });
}

/** One family, in the fixture's stack and in another of the same application. */
function both(here: Environment, there: Environment): void {
  const f = fixture(here);
  migration(f, f.stack, 'Dev', 'orders-migrate');
  const other = { ...fixture(there), app: f.app };
  migration(other, new Stack(f.app, 'Prod', { env: there }), 'Prod', 'orders-migrate');
}

test('two tasks of one family in an account and region are refused: a start by hand would take the newest of either', () => {
  const f = fixture();
  migration(f, f.stack, 'Dev', 'orders-migrate');
  const message = /^family is orders-migrate, and so it is of Orders\/Dev\/Task in the same account and region: .* give each its own$/;
  assert.throws(() => migration(f, f.stack, 'Prod', 'orders-migrate'), { message });
  assert.throws(() => both({ account: ACCOUNT, region: REGION }, { account: ACCOUNT, region: REGION }), { message });
  assert.throws(() => {
    const none = fixture({});
    migration(none, none.stack, 'Dev', 'orders-migrate');
    migration(none, none.stack, 'Prod', 'orders-migrate');
  }, { message });
});

test('one family in two accounts, in two regions, or where neither is known, is none of our business', () => {
  both({ account: ACCOUNT, region: REGION }, { account: TOOLS, region: REGION });
  both({ account: ACCOUNT, region: REGION }, { account: ACCOUNT, region: 'us-east-1' });
  both({}, {});
});

test('keys that take the place of the task\'s role are warned of', () => {
  const f = fixture();
  new PostludeMigration(f.stack, 'M', { ...f, pipelineName: 'orders', databaseName: 'orders', environment: { AWS_ACCESS_KEY_ID: 'AKIA' } });
  Annotations.fromStack(f.stack).hasWarning('/Orders/M/Task', Match.stringLikeRegexp('AWS_ACCESS_KEY_ID takes the place of the task role'));
});

test('two without a family in one stack', () => {
  const f = fixture();
  const tasks = ['Orders', 'Customers'].map((id) => migration(f, f.stack, id).task.taskDefinition.family);
  assert.equal(new Set(tasks).size, 2);
});
