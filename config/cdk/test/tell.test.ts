import * as assert from 'node:assert/strict';
import { test } from 'node:test';
import { App, Environment, Stack } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { allowDeadLetters, allowKey, allowPublish, refuseTopic } from '../lib/tell';
import { complaints } from './plain';
import { ACCOUNT, REGION } from './stack';

function stackOf(env: Environment = { account: ACCOUNT, region: REGION }): Stack {
  return new Stack(new App(), 'Orders', { env });
}

/** What is said of a topic and a key that are imported. */
function advice(byRules: boolean): string[] {
  const stack = stackOf();
  allowPublish(stack, sns.Topic.fromTopicArn(stack, 'Topic', `arn:aws:sns:${REGION}:${ACCOUNT}:ops`), byRules);
  allowKey(stack, kms.Key.fromKeyArn(stack, 'Key', `arn:aws:kms:${REGION}:${ACCOUNT}:key/0a`), byRules);
  const said = complaints(stack);
  // By these names a user takes note of them, and hears no more.
  assert.deepEqual(said.map((text) => / \[ack: (.*)\]$/.exec(text)?.[1]), ['postlude:topicPolicy', 'postlude:keyPolicy']);
  return said.map((text) => text.replace(/ \[ack: .*/, ''));
}

test('a policy that cannot be changed from here: the advice names who must be let in, and how', () => {
  const cloudwatch = 'cloudwatch.amazonaws.com (aws:SourceAccount of this account)';
  assert.deepEqual(advice(false), [
    `the policy of the topic cannot be changed from here: let ${cloudwatch} sns:Publish on it; without that, nobody is told`,
    `the policy of the key cannot be changed from here: let ${cloudwatch} kms:Decrypt and kms:GenerateDataKey*; without that, nobody is`
      + ' told',
  ]);
  assert.deepEqual(advice(true), [
    `the policy of the topic cannot be changed from here: let events.amazonaws.com (without a condition) and ${cloudwatch} sns:Publish on`
      + ' it; without that, nobody is told',
    'the policy of the key cannot be changed from here: let events.amazonaws.com (without a condition on aws:SourceArn or'
      + ` aws:SourceAccount) and ${cloudwatch} kms:Decrypt and kms:GenerateDataKey*; without that, nobody is told`,
  ]);
});

test('a queue that is imported is advised on, and one that is made here is not', () => {
  const said = (queue: (stack: Stack) => sqs.IQueue) => {
    const stack = stackOf();
    allowDeadLetters(stack, queue(stack), [new events.Rule(stack, 'Rule', { eventPattern: { source: ['x'] } })]);
    return complaints(stack);
  };
  assert.deepEqual(said((stack) => sqs.Queue.fromQueueArn(stack, 'Queue', `arn:aws:sqs:${REGION}:${ACCOUNT}:letters`)), [
    'the policy of the queue cannot be changed from here: let events.amazonaws.com (aws:SourceArn of the rules) sqs:SendMessage on it;'
      + ' without that, what is not delivered is lost [ack: postlude:queuePolicy]',
  ]);
  assert.deepEqual(said((stack) => new sqs.Queue(stack, 'Queue')), []);
});

test('of a topic and a key that are made here nothing is to be said', () => {
  const stack = stackOf();
  allowPublish(stack, new sns.Topic(stack, 'Topic'), true);
  allowKey(stack, new kms.Key(stack, 'Key'), true);
  assert.deepEqual(complaints(stack), []);
});

test('a region that is known at deployment only, the topic\'s or the stack\'s, is taken for the other\'s', () => {
  const imported = (stack: Stack, region: string) => sns.Topic.fromTopicArn(stack, 'Topic', `arn:aws:sns:${region}:${ACCOUNT}:ops`);
  const agnostic = stackOf({});
  refuseTopic(agnostic, imported(agnostic, 'us-east-1'));
  refuseTopic(agnostic, new sns.Topic(agnostic, 'Own'));
  const known = stackOf();
  refuseTopic(known, new sns.Topic(stackOf({}), 'Other'));
  refuseTopic(known, imported(known, REGION));
  assert.throws(() => refuseTopic(known, imported(new Stack(), 'us-east-1')), /the topic is in us-east-1/);
});
