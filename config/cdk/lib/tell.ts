import { Annotations, ArnFormat, Duration, Stack, Token } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct, IConstruct } from 'constructs';

const EVENTS = 'events.amazonaws.com';
const CLOUDWATCH = 'cloudwatch.amazonaws.com';

/**
 * Rules as a policy names them. One in another stack cannot name them one by one, since each of the
 * two stacks would then need the other: there it is all rules of this account and region.
 */
function fromRules(owner: IConstruct, rules: events.IRule[]) {
  const stack = Stack.of(rules[0]);
  return Stack.of(owner) === stack
    ? { ArnEquals: { 'aws:SourceArn': rules.map((rule) => rule.ruleArn) } }
    : { ArnLike: { 'aws:SourceArn': stack.formatArn({ service: 'events', resource: 'rule', resourceName: '*' }) } };
}

/** All alarms of this account and region: others of the topic's owner may have relied on its default policy. */
function fromAlarms(stack: Stack) {
  const alarms = stack.formatArn({
    service: 'cloudwatch',
    resource: 'alarm',
    resourceName: '*',
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
  return { StringEquals: { 'aws:SourceAccount': stack.account }, ArnLike: { 'aws:SourceArn': alarms } };
}

function warn(scope: IConstruct, what: string, needs: string): void {
  Annotations.of(scope).addWarningV2(`postlude:${what}Policy`, `the policy of the ${what} cannot be changed from here: ${needs}`);
}

/** Lets this account's alarms do so, and EventBridge too where rules are among them; false when the policy cannot be changed from here. */
function admit(
  scope: IConstruct, owner: sns.ITopic | kms.IKey, allowed: { actions: string[]; resources: string[] }, byRules: boolean,
): boolean {
  const { statementAdded } = owner.addToResourcePolicy(new iam.PolicyStatement({
    ...allowed,
    principals: [new iam.ServicePrincipal(CLOUDWATCH)],
    conditions: fromAlarms(Stack.of(scope)),
  }));
  if (byRules) {
    owner.addToResourcePolicy(new iam.PolicyStatement({ ...allowed, principals: [new iam.ServicePrincipal(EVENTS)] }));
  }
  return statementAdded;
}

/** Throws when rules and alarms cannot publish to the topic. */
export function refuseTopic(scope: IConstruct, topic: sns.ITopic): void {
  if (topic.fifo) {
    throw new Error('the topic is a FIFO topic, and neither EventBridge nor CloudWatch can publish to one: give a standard topic');
  }
  const [here, there] = [Stack.of(scope).region, topic.env.region];
  if (![here, there].some((region) => Token.isUnresolved(region)) && here !== there) {
    throw new Error(`the topic is in ${there}, and rules and alarms reach topics of their own region only: give one of ${here}`);
  }
}

/**
 * Lets rules and alarms publish to the topic. For EventBridge there is no condition: its guide says
 * that Condition blocks in the policy of a topic are of no use to it, and with one a rule matches and
 * nobody is told. The first statement that CDK gives a topic replaces the default policy of SNS, by
 * which everybody of the account could.
 */
export function allowPublish(scope: IConstruct, topic: sns.ITopic, byRules: boolean): void {
  const publish = { actions: ['sns:Publish'], resources: [topic.topicArn] };
  if (!admit(scope, topic, publish, byRules)) {
    warn(scope, 'topic', `let ${byRules ? `${EVENTS} (without a condition) and ` : ''}${CLOUDWATCH}`
      + ' (aws:SourceAccount of this account) sns:Publish on it; without that, nobody is told');
  }
}

/**
 * Lets rules and alarms use the key of an encrypted topic. For EventBridge there is no condition:
 * SNS documents that aws:SourceAccount and aws:SourceArn are not supported there, and with them
 * nothing is delivered.
 */
export function allowKey(scope: IConstruct, key: kms.IKey, byRules: boolean): void {
  const use = { actions: ['kms:Decrypt', 'kms:GenerateDataKey*'], resources: ['*'] };
  if (!admit(scope, key, use, byRules)) {
    warn(scope, 'key', `let ${byRules ? `${EVENTS} (without a condition on aws:SourceArn or aws:SourceAccount) and ` : ''}${CLOUDWATCH}`
      + ' (aws:SourceAccount of this account) kms:Decrypt and kms:GenerateDataKey*; without that, nobody is told');
  }
}

/** A queue for what could not be delivered: encrypted, and kept for as long as SQS keeps anything. */
export function deadLetters(scope: Construct): sqs.Queue {
  return new sqs.Queue(scope, 'DeadLetters', {
    encryption: sqs.QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
  });
}

/** Lets EventBridge leave in the queue what it could not deliver, for the rules of the condition; false where that cannot be changed. */
export function admitDeadLetters(queue: sqs.IQueue, conditions: iam.Conditions): boolean {
  return queue.addToResourcePolicy(new iam.PolicyStatement({
    principals: [new iam.ServicePrincipal(EVENTS)],
    actions: ['sqs:SendMessage'],
    resources: [queue.queueArn],
    conditions,
  })).statementAdded;
}

/** Lets rules leave in the queue what they could not deliver. */
export function allowDeadLetters(scope: IConstruct, queue: sqs.IQueue, rules: events.IRule[]): void {
  if (!admitDeadLetters(queue, fromRules(queue, rules))) {
    warn(scope, 'queue', `let ${EVENTS} (aws:SourceArn of the rules) sqs:SendMessage on it; without that, what is not delivered is lost`);
  }
}
