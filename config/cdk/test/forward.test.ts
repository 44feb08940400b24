import * as assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { App, CfnParameter, Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as events from 'aws-cdk-lib/aws-events';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import { PostludeForward, PostludeForwardProps } from '../lib';
import { receiveFrom } from '../lib/receive';
import { plain } from './plain';
import { ACCOUNT, REGION, TOOLS } from './stack';

const TARGET = { account: ACCOUNT, region: 'eu-west-1' };
const BUS = `arn:aws:events:eu-west-1:${ACCOUNT}:event-bus/default`;

function tools(): Stack {
  return new Stack(new App(), 'Tools', { env: { account: TOOLS, region: REGION } });
}

function forward(stack: Stack, props: Partial<PostludeForwardProps> = {}): PostludeForward {
  return new PostludeForward(stack, 'Forward', { pipelineName: 'orders', targets: [TARGET], ...props });
}

function built(props: Partial<PostludeForwardProps> = {}): Template {
  const stack = tools();
  forward(stack, props);
  return Template.fromStack(stack);
}

function only(template: Template, type: string): any {
  const found = Object.values(template.findResources(type));
  assert.equal(found.length, 1, type);
  return plain(found[0].Properties);
}

describe('the forwarding refuses', () => {
  const role = `arn:aws:iam::${ACCOUNT}:role/orders-migrate`;
  const refused: [string, Partial<PostludeForwardProps>, RegExp][] = [
    ['no target', { targets: [] }, /targets has 0 buses/],
    ['more targets than a rule has', { targets: Array(6).fill(TARGET) }, /targets has 6 buses.*another PostludeForward/],
    ['no pipeline', { pipelineName: '' }, /pipelineName is empty/],
    ['no stage', { stage: '' }, /stage is empty: leave it out to forward the success of the whole pipeline/],
    ['a pattern of pipelines', { pipelineName: 'orders-*' }, /pipelineName is "orders-\*": CodePipeline's names/],
    ['no region', { targets: [{ ...TARGET, region: '' }] }, /targets: region is "", and no region/],
    ['a bus twice', { targets: [TARGET, { ...TARGET, eventBusName: 'default' }] }, /bus default of account 210987654321 in .* twice/],
    ['a bus of its own name twice', { targets: Array(2).fill({ ...TARGET, eventBusName: 'deploys' }) }, /bus deploys of account .* twice/],
    ['an account that is none', { targets: [{ ...TARGET, account: '21098765432' }] }, /targets: account "21098765432" is none/],
    ['an account too long', { targets: [{ ...TARGET, account: `${ACCOUNT}0` }] }, /targets: account "2109876543210" is none/],
    ['an account with a name', { targets: [{ ...TARGET, account: `a${ACCOUNT}` }] }, /targets: account "a210987654321" is none/],
    ['to send to itself', { targets: [{ account: TOOLS, region: REGION }] }, /default bus of this very account and region/],
    ['a verifier that is none', { verifiers: ['orders-migrate'] }, /verifiers: "orders-migrate" is neither/],
    ['a verifying account too long', { verifiers: [`${ACCOUNT}0`] }, /verifiers: "2109876543210" is neither/],
    ['a verifying account with a name', { verifiers: [`a${ACCOUNT}`] }, /verifiers: "a210987654321" is neither/],
    ['the ARN of something else', { verifiers: [`arn:aws:iam::${ACCOUNT}:user/joe`] }, /is neither an account .* nor the ARN of a role/],
    ['a role without verifiers', { verifyRoleName: 'x' }, /verifyRoleName is of use with verifiers only/],
    ['a name too long', { pipelineName: 'p'.repeat(49), verifiers: [role] }, /longer than 64 characters: give verifyRoleName/],
  ];
  for (const [what, props, message] of refused) {
    it(what, () => assert.throws(() => forward(tools(), props), message));
  }

  it('topics that no alarm reaches', () => {
    const told = (arn: string) => {
      const stack = tools();
      forward(stack, { topic: sns.Topic.fromTopicArn(stack, 'Topic', arn) });
    };
    assert.throws(() => told(`arn:aws:sns:us-east-1:${TOOLS}:ops`), /the topic is in us-east-1, .* give one of eu-west-3/);
    assert.throws(() => told(`arn:aws:sns:${REGION}:${TOOLS}:ops.fifo`), /FIFO topic/);
  });

  it('a second role for verifiers of the same name in the account, of another stage', () => {
    const stack = tools();
    const props = { pipelineName: 'orders', targets: [TARGET], verifiers: [ACCOUNT] };
    new PostludeForward(stack, 'Dev', { ...props, stage: 'Dev' });
    assert.throws(() => new PostludeForward(stack, 'Prod', { ...props, stage: 'Prod' }),
      /the role postlude-verify-orders is made by Tools\/Dev already.*give verifiers to one of the two only, or verifyRoleName/);
    const elsewhere = new Stack(stack.node.root, 'Elsewhere', { env: { account: TOOLS, region: 'us-east-1' } });
    assert.throws(() => new PostludeForward(elsewhere, 'Dev', props), /is made by Tools\/Dev already/);
    new PostludeForward(elsewhere, 'Named', { ...props, verifyRoleName: 'postlude-verify-orders-us' });
    new PostludeForward(new Stack(stack.node.root, 'Other', { env: { account: '310987654321', region: REGION } }), 'Dev', props);
  });

  it('a second role of the same name in a stack of any account, and not in two such stacks', () => {
    const app = new App();
    const stack = new Stack(app, 'Tools');
    const props = { pipelineName: 'orders', targets: [TARGET], verifiers: [ACCOUNT] };
    new PostludeForward(stack, 'Dev', props);
    assert.throws(() => new PostludeForward(stack, 'Prod', props), /is made by Tools\/Dev already/);
    new PostludeForward(new Stack(app, 'Other'), 'Dev', props);
  });

  it('nothing that is just within bounds, or known at deployment only', () => {
    built({ targets: ['a', 'b', 'c', 'd', 'e'].map((eventBusName) => ({ ...TARGET, eventBusName })) });
    built({ targets: [{ account: TOOLS, region: 'us-east-1' }] });
    built({ targets: [{ account: ACCOUNT, region: REGION }] });
    built({ targets: [{ account: TOOLS, region: REGION, eventBusName: 'deploys' }] });
    built({ pipelineName: 'p'.repeat(48), verifiers: [ACCOUNT] });
    const stack = tools();
    const later = new CfnParameter(stack, 'A'.repeat(64)).valueAsString;
    forward(stack, { targets: [{ account: later, region: REGION }], verifiers: [later], verifyRoleName: later });
  });
});

describe('the success of a pipeline', () => {
  const detail = { pipeline: ['orders'], state: ['SUCCEEDED'] };
  const envelope = { source: ['aws.codepipeline'], account: [TOOLS], region: [REGION] };

  it('goes to one bus, with a role that may do nothing else', () => {
    const template = built();
    const { EventPattern, Targets, State, Description } = only(template, 'AWS::Events::Rule');
    assert.deepEqual([State, Description], ['ENABLED', 'postlude: forwards the success of orders']);
    assert.deepEqual(EventPattern, { ...envelope, 'detail-type': ['CodePipeline Pipeline Execution State Change'], detail });
    const [{ RoleArn, DeadLetterConfig, ...target }, ...more] = Targets;
    assert.deepEqual(more, []);
    assert.deepEqual(target, { Arn: BUS, Id: 'Target0', RetryPolicy: { MaximumEventAgeInSeconds: 86400, MaximumRetryAttempts: 185 } });
    assert.equal(RoleArn, '{ForwardRole0.Arn}');
    assert.equal(DeadLetterConfig.Arn, '{ForwardDeadLetters.Arn}');
    template.resourceCountIs('AWS::IAM::Role', 1);
    assert.deepEqual(only(template, 'AWS::IAM::Role').AssumeRolePolicyDocument.Statement, [{
      Action: 'sts:AssumeRole',
      Condition: { StringEquals: { 'aws:SourceAccount': TOOLS } },
      Effect: 'Allow',
      Principal: { Service: 'events.amazonaws.com' },
    }]);
    assert.deepEqual(only(template, 'AWS::IAM::Policy').PolicyDocument.Statement, [
      { Action: 'events:PutEvents', Effect: 'Allow', Resource: BUS },
    ]);
  });

  it('is not forwarded before the role may send', () => {
    const template = built();
    const [rule] = Object.values(template.findResources('AWS::Events::Rule'));
    assert.deepEqual(rule.DependsOn.filter((id: string) => id.includes('Policy')), Object.keys(template.findResources('AWS::IAM::Policy')));
  });

  it('of a stage is another event', () => {
    const { EventPattern, Description } = only(built({ stage: 'Prod' }), 'AWS::Events::Rule');
    assert.deepEqual(EventPattern, {
      ...envelope, 'detail-type': ['CodePipeline Stage Execution State Change'], detail: { ...detail, stage: ['Prod'] },
    });
    assert.equal(Description, 'postlude: forwards the success of stage Prod of orders');
  });

  it('goes to each bus by a role of its own', () => {
    const template = built({ targets: [TARGET, { account: TOOLS, region: 'us-east-1', eventBusName: 'deploys' }] });
    template.resourceCountIs('AWS::IAM::Role', 2);
    const sent = only(template, 'AWS::Events::Rule').Targets.map((target: any) => target.Arn);
    const second = `arn:aws:events:us-east-1:${TOOLS}:event-bus/deploys`;
    assert.deepEqual(sent, [BUS, second]);
    const allowed = Object.values(template.findResources('AWS::IAM::Policy'))
      .map((policy) => plain(policy.Properties.PolicyDocument.Statement[0].Resource));
    assert.deepEqual(allowed.sort(), [BUS, second].sort());
  });

  it('that no bus took lies in a queue, encrypted, for two weeks', () => {
    const template = built();
    assert.deepEqual(only(template, 'AWS::SQS::Queue'), { MessageRetentionPeriod: 1209600, SqsManagedSseEnabled: true });
    assert.deepEqual(only(template, 'AWS::SQS::QueuePolicy').PolicyDocument.Statement, [
      {
        Action: 'sqs:*',
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        Effect: 'Deny',
        Principal: { AWS: '*' },
        Resource: '{ForwardDeadLetters.Arn}',
      },
      {
        Action: 'sqs:SendMessage',
        Condition: { ArnEquals: { 'aws:SourceArn': ['{ForwardRule.Arn}'] } },
        Effect: 'Allow',
        Principal: { Service: 'events.amazonaws.com' },
        Resource: '{ForwardDeadLetters.Arn}',
      },
    ]);
  });

  it('is nobody\'s to hear of without a topic', () => {
    const template = built();
    template.resourceCountIs('AWS::CloudWatch::Alarm', 0);
    template.resourceCountIs('AWS::SNS::TopicPolicy', 0);
  });

  it('is an alarm where it could not be forwarded', () => {
    const stack = tools();
    const masterKey = new kms.Key(stack, 'Key');
    forward(stack, { topic: new sns.Topic(stack, 'Topic', { masterKey }) });
    const template = Template.fromStack(stack);
    for (const MetricName of ['ApproximateNumberOfMessagesVisible', 'FailedInvocations', 'InvocationsFailedToBeSentToDlq']) {
      template.hasResourceProperties('AWS::CloudWatch::Alarm', {
        MetricName,
        Threshold: 0,
        ComparisonOperator: 'GreaterThanThreshold',
        TreatMissingData: 'notBreaching',
        AlarmDescription: Match.stringLikeRegexp('^postlude.*pipeline orders'),
        AlarmActions: [{ Ref: Match.stringLikeRegexp('^Topic') }],
      });
    }
    template.resourceCountIs('AWS::CloudWatch::Alarm', 3);
    const principals = (statements: any[]) => statements.map((statement) => statement.Principal.Service ?? 'root');
    assert.deepEqual(principals(only(template, 'AWS::SNS::TopicPolicy').PolicyDocument.Statement), ['cloudwatch.amazonaws.com']);
    const [, forAlarms, ...more] = only(template, 'AWS::KMS::Key').KeyPolicy.Statement;
    assert.deepEqual(more, []);
    assert.deepEqual(principals([forAlarms]), ['cloudwatch.amazonaws.com']);
  });
});

it('a topic without a key is told, too', () => {
  const stack = tools();
  forward(stack, { topic: new sns.Topic(stack, 'Topic') });
  const template = Template.fromStack(stack);
  template.resourceCountIs('AWS::CloudWatch::Alarm', 3);
  template.resourceCountIs('AWS::SNS::TopicPolicy', 1);
});

it('the key of a topic that is imported is opened to the alarms', () => {
  const stack = tools();
  const topic = sns.Topic.fromTopicArn(stack, 'Topic', `arn:aws:sns:${REGION}:${TOOLS}:ops`);
  forward(stack, { topic, topicKey: new kms.Key(stack, 'Key') });
  const [, forAlarms] = only(Template.fromStack(stack), 'AWS::KMS::Key').KeyPolicy.Statement;
  assert.deepEqual(forAlarms.Principal, { Service: 'cloudwatch.amazonaws.com' });
});

describe('who asks whether an event is true', () => {
  it('assumes a role that may ask about this pipeline', () => {
    const role = `arn:aws:iam::${ACCOUNT}:role/orders-migrate`;
    const template = built({ verifiers: [ACCOUNT, role] });
    const roles = Object.values(template.findResources('AWS::IAM::Role')).map((made) => plain(made.Properties));
    const { AssumeRolePolicyDocument } = roles.find((made) => made.RoleName === 'postlude-verify-orders')!;
    assert.deepEqual(AssumeRolePolicyDocument.Statement, [
      { Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` } },
      { Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { AWS: role } },
    ]);
    const allowed = Object.entries(template.findResources('AWS::IAM::Policy')).filter(([id]) => id.startsWith('ForwardVerifyRole'));
    assert.equal(allowed.length, 1);
    assert.deepEqual(plain(allowed[0][1].Properties.PolicyDocument.Statement), [{
      Action: ['codepipeline:GetPipelineExecution', 'codepipeline:ListPipelineExecutions'],
      Effect: 'Allow',
      Resource: `arn:aws:codepipeline:${REGION}:${TOOLS}:orders`,
    }]);
  });

  it('finds it by the name it was given', () => {
    built({ verifiers: [ACCOUNT], verifyRoleName: 'ask' }).hasResourceProperties('AWS::IAM::Role', { RoleName: 'ask' });
  });
});

describe('the bus of the database\'s account', () => {
  const workload = () => new Stack(new App(), 'Orders', { env: { account: ACCOUNT, region: REGION } });

  it('admits nobody for a pipeline of its own account, in whatever region', () => {
    const stack = workload();
    assert.equal(receiveFrom(stack, 'Receive', { account: ACCOUNT }), undefined);
    Template.fromStack(stack).resourceCountIs('AWS::Events::EventBusPolicy', 0);
  });

  const bus = `arn:aws:events:${REGION}:${ACCOUNT}:event-bus/default`;
  const statement = {
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${TOOLS}:root` },
    Action: 'events:PutEvents',
    Resource: bus,
    Condition: {
      'ForAllValues:StringEquals': {
        'events:source': 'aws.codepipeline',
        'events:detail-type': ['CodePipeline Pipeline Execution State Change', 'CodePipeline Stage Execution State Change'],
      },
    },
  };

  it('admits the pipeline\'s account, for what pipelines tell', () => {
    const stack = workload();
    receiveFrom(stack, 'Receive', { account: TOOLS });
    const { StatementId, ...policy } = only(Template.fromStack(stack), 'AWS::Events::EventBusPolicy');
    assert.match(StatementId, /^[A-Za-z0-9_-]{1,64}$/);
    assert.deepEqual(policy, { Statement: statement });
  });

  it('may be one of its own; each statement has its name', () => {
    const stack = workload();
    const eventBus = new events.EventBus(stack, 'Bus');
    receiveFrom(stack, 'One', { account: TOOLS, eventBus });
    receiveFrom(stack, 'Two', { account: TOOLS, eventBus });
    const policies = Object.values(Template.fromStack(stack).findResources('AWS::Events::EventBusPolicy'))
      .map((policy) => plain(policy.Properties));
    assert.equal(new Set(policies.map((policy) => policy.StatementId)).size, 2);
    for (const { EventBusName, Statement } of policies) {
      assert.equal(EventBusName, '{Bus}');
      assert.deepEqual(Statement, { ...statement, Resource: '{Bus.Arn}' });
    }
  });

  it('is opened with a warning where the stack does not know its account', () => {
    const stack = new Stack(new App(), 'Agnostic');
    receiveFrom(stack, 'Receive', { account: TOOLS });
    Annotations.fromStack(stack).hasWarning('/Agnostic', Match.stringLikeRegexp(`opened to account ${TOOLS}.*leave pipelineAccount out`));
  });
});
