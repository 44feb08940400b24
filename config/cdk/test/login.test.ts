import * as assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { PostludeLogin, PostludeResource } from '../lib';
import { ACCOUNT, fixture, REGION } from './stack';

test('a login of nobody, or of everybody, is refused', () => {
  assert.throws(() => PostludeLogin.iam(''), /^Error: the user of PostludeLogin.iam is empty: name the database user$/);
  assert.throws(() => PostludeLogin.iam('orders_*'), /is orders_\*, which in a policy stands for others too/);
});

test('a secret of another stack, under a key of its own, needs nothing of this one', () => {
  const f = fixture();
  const encryptionKey = new kms.Key(f.stack, 'Key');
  const secret = new secretsmanager.Secret(f.stack, 'Secret', { encryptionKey });
  const stack = new Stack(f.app, 'Migrations', { env: { account: ACCOUNT, region: REGION } });
  new PostludeResource(stack, 'Migrations', { ...f, databaseName: 'orders', login: PostludeLogin.secret(secret) });
  const policies = Template.fromStack(stack).findResources('AWS::IAM::Policy');
  assert.deepEqual(stack.dependencies.map((one) => one.stackName), ['Orders']);
  const [policy] = Object.entries(policies).filter(([id]) => id.startsWith('MigrationsTaskTaskRole'));
  const [read, decrypt] = policy[1].Properties.PolicyDocument.Statement;
  assert.deepEqual(read.Action, ['secretsmanager:GetSecretValue', 'secretsmanager:DescribeSecret']);
  assert.match(read.Resource['Fn::ImportValue'], /^Orders:ExportsOutputRefSecret/);
  assert.equal(decrypt.Action, 'kms:Decrypt');
  assert.match(decrypt.Resource['Fn::ImportValue'], /^Orders:ExportsOutputFnGetAttKey/);
});

test('a secret under a key that is imported brings the right to that key', () => {
  const f = fixture();
  const key = kms.Key.fromKeyArn(f.stack, 'Key', 'arn:aws:kms:eu-west-3:210987654321:key/0a');
  const secret = secretsmanager.Secret.fromSecretAttributes(f.stack, 'Secret', {
    secretCompleteArn: 'arn:aws:secretsmanager:eu-west-3:210987654321:secret:orders-a1b2c3', encryptionKey: key,
  });
  new PostludeResource(f.stack, 'Migrations', { ...f, databaseName: 'orders', login: PostludeLogin.secret(secret) });
  const policies = Template.fromStack(f.stack).findResources('AWS::IAM::Policy');
  const [policy] = Object.entries(policies).filter(([id]) => id.startsWith('MigrationsTaskTaskRole'));
  const statements = policy[1].Properties.PolicyDocument.Statement;
  assert.deepEqual(statements.slice(0, 2), [
    {
      Action: ['secretsmanager:GetSecretValue', 'secretsmanager:DescribeSecret'],
      Effect: 'Allow',
      Resource: 'arn:aws:secretsmanager:eu-west-3:210987654321:secret:orders-a1b2c3',
    },
    {
      Action: 'kms:Decrypt',
      Condition: { StringEquals: { 'kms:ViaService': 'secretsmanager.eu-west-3.amazonaws.com' } },
      Effect: 'Allow',
      Resource: 'arn:aws:kms:eu-west-3:210987654321:key/0a',
    },
  ]);
});
