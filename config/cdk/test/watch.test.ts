import * as assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Duration, Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as events from 'aws-cdk-lib/aws-events';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { PostludeMessageFormat, PostludeTask, PostludeTaskProps, PostludeWatch, PostludeWatchProps } from '../lib';
import { messageOf, plain } from './plain';
import { ACCOUNT, Fixture, fixture, REGION } from './stack';

const TASK = '<detail-taskArn>';
const ENDINGS = ['NotStarted', 'Invalid', 'Unreachable', 'Unreported', 'Internal', 'Killed', 'Foreign'];

type Given = Partial<PostludeTaskProps> & Omit<PostludeWatchProps, 'task'>;

function watch(f: Fixture, given: Given = {}): PostludeTask {
  const task = new PostludeTask(f.stack, 'Task', {
    vpc: f.vpc,
    cluster: f.cluster,
    proxy: f.proxy,
    databaseName: 'orders',
    image: f.image,
    family: 'orders-migrate',
    ...given,
  });
  new PostludeWatch(f.stack, 'Watch', { task, ...given });
  return task;
}

function built(given: Given = {}): Template {
  const f = fixture();
  watch(f, given);
  return Template.fromStack(f.stack);
}

/** The rule of an ending, with intrinsics resolved. */
function ruleOf(template: Template, ending: string): any {
  const rules = Object.entries(template.findResources('AWS::Events::Rule')).filter(([id]) => id.startsWith(`Watch${ending}`));
  assert.equal(rules.length, 1, ending);
  return rules[0][1].Properties;
}

/** The message of an ending. What EventBridge makes of its placeholders, tests of the kept templates hold. */
function told(template: Template, ending: string): any {
  return messageOf(ruleOf(template, ending).Targets[0].InputTransformer);
}

function alarmOf(template: Template, id: string): any {
  const alarms = Object.entries(template.findResources('AWS::CloudWatch::Alarm')).filter(([name]) => name.startsWith(`Watch${id}`));
  assert.equal(alarms.length, 1, id);
  const { AlarmDescription, ...rest } = plain(alarms[0][1].Properties);
  assert.ok(AlarmDescription.startsWith('postlude ') && AlarmDescription.length <= 1024, AlarmDescription);
  return rest;
}

function topicStatements(template: Template): any[] {
  const policies = Object.values(template.findResources('AWS::SNS::TopicPolicy'));
  assert.equal(policies.length, 1);
  return plain(policies[0].Properties.PolicyDocument.Statement);
}

describe('the watch refuses', () => {
  const refused: [string, Given, RegExp][] = [
    ['a period of seconds', { period: Duration.seconds(90) }, /period is 90 seconds: whole minutes/],
    ['a period of halves', { period: Duration.millis(90500) }, /period is 90.5 seconds: whole minutes/],
    ['a period of none', { period: Duration.seconds(0) }, /period is 0 seconds: whole minutes/],
    ['a period too long for CloudWatch', { period: Duration.days(7) }, /period is 168 hours: an alarm looks back seven days/],
    ['a period that just does not fit', { period: Duration.minutes(83 * 60 + 31) }, /an alarm looks back seven days at most/],
  ];
  for (const [what, given, message] of refused) {
    it(what, () => assert.throws(() => watch(fixture(), given), message));
  }

  it('a FIFO topic', () => {
    const f = fixture();
    const topic = new sns.Topic(f.stack, 'Topic', { fifo: true });
    assert.throws(() => watch(f, { topic }), /FIFO topic.*give a standard topic/);
  });

  it('a topic of another region', () => {
    const f = fixture();
    const topic = sns.Topic.fromTopicArn(f.stack, 'Topic', `arn:aws:sns:eu-west-1:${ACCOUNT}:ops`);
    assert.throws(() => watch(f, { topic }), /^Error: the topic is in eu-west-1, .* give one of eu-west-3$/);
  });
});

describe('who may publish', () => {
  it('the alarms of the account, and EventBridge, without a condition, which it cannot meet', () => {
    const [encrypted, alarms, rules, ...more] = topicStatements(built());
    assert.deepEqual(more, []);
    assert.equal(encrypted.Effect, 'Deny');
    assert.deepEqual(encrypted.Condition, { Bool: { 'aws:SecureTransport': 'false' } });
    assert.equal(alarms.Effect, 'Allow');
    assert.deepEqual(alarms.Principal, { Service: 'cloudwatch.amazonaws.com' });
    assert.equal(alarms.Action, 'sns:Publish');
    assert.deepEqual(alarms.Condition, {
      StringEquals: { 'aws:SourceAccount': ACCOUNT },
      ArnLike: { 'aws:SourceArn': `arn:aws:cloudwatch:${REGION}:${ACCOUNT}:alarm:*` },
    });
    const { Resource, Sid, ...rest } = rules;
    assert.deepEqual(rest, { Effect: 'Allow', Principal: { Service: 'events.amazonaws.com' }, Action: 'sns:Publish' });
    assert.equal(Resource, '{TaskTopic}');
  });

  it('needs no policy of the key where there is none', () => built().resourceCountIs('AWS::KMS::Key', 0));

  it('has the key: EventBridge without a condition, which would stop delivery', () => {
    const f = fixture();
    const topicKey = new kms.Key(f.stack, 'Key');
    watch(f, { topicKey });
    const key: any = Object.values(Template.fromStack(f.stack).findResources('AWS::KMS::Key'))[0];
    const [owner, alarms, rules, ...more] = plain(key.Properties.KeyPolicy.Statement);
    assert.deepEqual(more, []);
    assert.equal(owner.Action, 'kms:*');
    const use = { Action: ['kms:Decrypt', 'kms:GenerateDataKey*'], Effect: 'Allow', Resource: '*' };
    assert.deepEqual(alarms, {
      ...use,
      Principal: { Service: 'cloudwatch.amazonaws.com' },
      Condition: {
        StringEquals: { 'aws:SourceAccount': ACCOUNT },
        ArnLike: { 'aws:SourceArn': `arn:aws:cloudwatch:${REGION}:${ACCOUNT}:alarm:*` },
      },
    });
    assert.deepEqual(rules, { ...use, Principal: { Service: 'events.amazonaws.com' } });
  });

  it('in a topic of another stack, without one needing the other in a circle', () => {
    const f = fixture();
    const shared = new Stack(f.app, 'Shared', { env: { account: ACCOUNT, region: REGION } });
    const topicKey = new kms.Key(shared, 'Key');
    const topic = new sns.Topic(shared, 'Topic', { masterKey: topicKey });
    watch(f, { topic, deadLetterQueue: new sqs.Queue(shared, 'Queue') });
    const [, rules] = topicStatements(Template.fromStack(shared));
    assert.deepEqual([rules.Principal, rules.Condition], [{ Service: 'events.amazonaws.com' }, undefined]);
    const [queue] = Object.values(Template.fromStack(shared).findResources('AWS::SQS::QueuePolicy'));
    const [letters] = plain(queue.Properties.PolicyDocument.Statement);
    assert.deepEqual(letters.Condition, { ArnLike: { 'aws:SourceArn': `arn:aws:events:${REGION}:${ACCOUNT}:rule/*` } });
    Template.fromStack(f.stack).resourceCountIs('AWS::SNS::TopicPolicy', 0);
  });

  it('is a warning where topic, key or queue are imported', () => {
    const f = fixture();
    watch(f, {
      topic: sns.Topic.fromTopicArn(f.stack, 'Topic', `arn:aws:sns:${REGION}:${ACCOUNT}:ops`),
      topicKey: kms.Key.fromKeyArn(f.stack, 'Key', `arn:aws:kms:${REGION}:${ACCOUNT}:key/1b2c3d4e-0000-4000-8000-000000000000`),
      deadLetterQueue: sqs.Queue.fromQueueArn(f.stack, 'Queue', `arn:aws:sqs:${REGION}:${ACCOUNT}:letters`),
    });
    const warnings = Annotations.fromStack(f.stack).findWarning('/Orders/Watch', Match.stringLikeRegexp('cannot be changed from here'));
    const said = warnings.map((warning) => String(warning.entry.data));
    assert.equal(said.length, 3);
    assert.match(said[0], /policy of the topic .*events\.amazonaws\.com \(without a condition\).*cloudwatch\.amazonaws\.com.*sns:Publish/);
    assert.match(said[1], /policy of the key .*events\.amazonaws\.com \(without a condition.*kms:GenerateDataKey\*/);
    assert.match(said[2], /policy of the queue .*sqs:SendMessage/);
  });
});

describe('a task that ended without a report', () => {
  const coded = (...exitCode: unknown[]) => ({ containers: { name: ['postlude'], exitCode } });
  const matches: { [ending: string]: unknown } = {
    NotStarted: {
      $or: [
        { containers: { containerArn: [{ exists: true }], name: ['postlude'], exitCode: [{ exists: false }] } },
        { stopCode: ['TaskFailedToStart'] },
      ],
    },
    Invalid: coded(2),
    Unreachable: coded(4),
    Unreported: coded(8),
    Internal: coded(10),
    Killed: coded(137),
    Foreign: coded({ numeric: ['>', 10, '<', 137] }, { numeric: ['>', 137] }),
  };
  const template = built({ deadLetterQueue: undefined });
  const chat = built({ format: PostludeMessageFormat.CHAT });

  it('is told by one rule for each ending', () => template.resourceCountIs('AWS::Events::Rule', ENDINGS.length));

  for (const ending of ENDINGS) {
    it(`${ending}: the rule matches this family's stopped tasks`, () => {
      assert.deepEqual(plain(ruleOf(template, ending).EventPattern), {
        source: ['aws.ecs'],
        'detail-type': ['ECS Task State Change'],
        detail: {
          clusterArn: ['{Cluster.Arn}'],
          taskDefinitionArn: [{ prefix: `arn:aws:ecs:${REGION}:${ACCOUNT}:task-definition/orders-migrate:` }],
          lastStatus: ['STOPPED'],
          ...(matches[ending] as object),
        },
      });
    });

    it(`${ending}: the JSON message is JSON, and has all that is needed at night`, () => {
      const [target, ...more] = ruleOf(template, ending).Targets;
      assert.deepEqual(more, []);
      assert.deepEqual(Object.keys(target).sort(), ['Arn', 'Id', 'InputTransformer']);
      assert.deepEqual(target.InputTransformer.InputPathsMap, {
        'detail-taskArn': '$.detail.taskArn',
        'detail-stopCode': '$.detail.stopCode',
        'detail-containers': '$.detail.containers',
        time: '$.time',
      }, 'overrides stay where they are');
      const message = told(template, ending);
      assert.equal(message.schema, 'postlude.watch/1');
      assert.ok(message.message.startsWith('orders-migrate: the task ') && message.message.endsWith(`(${TASK})`), message.message);
      assert.equal(message.task_arn, TASK);
      assert.equal(message.stop_code, '<detail-stopCode>');
      assert.equal(message.stopped_at, '<time>');
      assert.equal(message.containers, '<detail-containers>');
      assert.match(message.why, /^aws ecs describe-tasks --region eu-west-3 --cluster \S+ --tasks <detail-taskArn> --query '/);
      assert.match(message.log, /^aws logs tail \{TaskLog\} --region eu-west-3 --since 3h$/);
      const logs = `https://console.aws.amazon.com/cloudwatch/home?region=${REGION}#logsV2:log-groups/log-group/{{TaskLog}// by $252F}`;
      assert.equal(message.log_url, logs);
      assert.equal(message.exit_code, { Invalid: 2, Unreachable: 4, Unreported: 8, Internal: 10, Killed: 137 }[ending] ?? null);
      assert.ok(message.hint.endsWith('.') && message.family === 'orders-migrate');
    });

    it(`${ending}: the chat message is of the form that Amazon Q takes`, () => {
      const message = told(chat, ending);
      assert.deepEqual(Object.keys(ruleOf(chat, ending).Targets[0].InputTransformer.InputPathsMap).sort(),
        ['detail-stopCode', 'detail-taskArn', 'id', 'time'], 'text only');
      assert.deepEqual(Object.keys(message), ['version', 'source', 'id', 'content', 'metadata']);
      assert.equal(message.version, '1.0');
      assert.equal(message.source, 'custom');
      assert.equal(message.content.textType, 'client-markdown');
      assert.match(message.content.title, /^orders-migrate: the task /);
      assert.ok(message.content.description.includes(`\`${TASK}\``));
      assert.equal(message.content.nextSteps.length, 3);
      assert.match(message.content.nextSteps[2], /`aws ecs run-task [^`]*WHY[^`]*WHO[^`]*`$/);
      const { nextSteps, keywords } = message.content;
      for (const value of [...nextSteps, ...keywords, ...Object.values(message.metadata.additionalContext)]) {
        assert.equal(typeof value, 'string');
      }
      assert.deepEqual(message.metadata.relatedResources, [TASK]);
    });
  }

  it('starts again by the line of the task, ready for a shell', () => {
    const { rerun } = told(template, 'Killed');
    const [, network, overrides] = /--network-configuration '([^']*)' --overrides '([^']*)'$/.exec(rerun)!;
    assert.deepEqual(Object.keys(JSON.parse(network).awsvpcConfiguration), ['subnets', 'securityGroups', 'assignPublicIp']);
    assert.deepEqual(JSON.parse(overrides).containerOverrides[0].environment, [
      { name: 'POSTLUDE_REASON', value: 'WHY' },
      { name: 'POSTLUDE_BY', value: 'WHO' },
    ]);
  });

  it('has no link to a console where the region is not known', () => {
    const f = fixture({});
    watch(f);
    const message = told(Template.fromStack(f.stack), 'Killed');
    assert.equal(message.log_url, undefined);
    assert.match(message.log, / --region \{AWS::Region\} /);
  });
});

describe('alarms', () => {
  const topic = /^\{TaskTopic\}$/;

  it('are one, on the watch\'s own rules, where nothing else is given', () => {
    const template = built();
    template.resourceCountIs('AWS::CloudWatch::Alarm', 1);
    const { Metrics, AlarmActions, ...rest } = alarmOf(template, 'Untold');
    assert.deepEqual(rest, {
      ComparisonOperator: 'GreaterThanThreshold', EvaluationPeriods: 1, Threshold: 0, TreatMissingData: 'notBreaching',
    });
    assert.match(AlarmActions[0], topic);
    assert.equal(Metrics[0].Expression, 'SUM(METRICS())');
    assert.equal(Metrics.length, 1 + ENDINGS.length);
    Metrics.slice(1).forEach((metric: any, at: number) => {
      assert.equal(metric.MetricStat.Metric.MetricName, 'FailedInvocations');
      assert.equal(metric.MetricStat.Period, 300);
      assert.ok(metric.MetricStat.Metric.Dimensions[0].Value.startsWith(`{Watch${ENDINGS[at]}`));
    });
  });

  it('tell of dead letters, and when they are gone; the watch leaves its own there', () => {
    const f = fixture();
    watch(f, { deadLetterQueue: new sqs.Queue(f.stack, 'Queue') });
    const template = Template.fromStack(f.stack);
    const { AlarmActions, OKActions, Dimensions, ...rest } = alarmOf(template, 'DeadLettersAlarm');
    assert.deepEqual(rest, {
      ComparisonOperator: 'GreaterThanThreshold', EvaluationPeriods: 1, MetricName: 'ApproximateNumberOfMessagesVisible',
      Namespace: 'AWS/SQS', Period: 60, Statistic: 'Maximum', Threshold: 0, TreatMissingData: 'notBreaching',
    });
    assert.match(AlarmActions[0], topic);
    assert.deepEqual(OKActions, AlarmActions);
    assert.equal(Dimensions[0].Name, 'QueueName');
    assert.equal(Dimensions[0].Value, '{Queue.QueueName}');
    for (const ending of ENDINGS) {
      assert.deepEqual(plain(ruleOf(template, ending).Targets[0].DeadLetterConfig), { Arn: '{Queue.Arn}' });
    }
    const policy = Object.values(template.findResources('AWS::SQS::QueuePolicy'))[0];
    const [statement, ...more] = plain(policy.Properties.PolicyDocument.Statement);
    assert.deepEqual(more, []);
    assert.equal(statement.Action, 'sqs:SendMessage');
    assert.deepEqual(statement.Principal, { Service: 'events.amazonaws.com' });
    assert.equal(statement.Resource, '{Queue.Arn}');
    assert.equal(statement.Condition.ArnEquals['aws:SourceArn'].length, ENDINGS.length);
  });

  it('tell of a rule that could not start the task', () => {
    const f = fixture();
    const eventBus = new events.EventBus(f.stack, 'Bus');
    const pattern = { eventPattern: { source: ['x'] } };
    const rules = [new events.Rule(f.stack, 'Plain', pattern), new events.Rule(f.stack, 'OnBus', { ...pattern, eventBus })];
    watch(f, { rules });
    const template = Template.fromStack(f.stack);
    template.resourceCountIs('AWS::CloudWatch::Alarm', 5);
    for (const [id, MetricName] of [['Rule0Failed', 'FailedInvocations'], ['Rule0Lost', 'InvocationsFailedToBeSentToDlq']]) {
      const { AlarmActions, Dimensions, ...rest } = alarmOf(template, id);
      assert.deepEqual(rest, {
        ComparisonOperator: 'GreaterThanThreshold', EvaluationPeriods: 1, MetricName,
        Namespace: 'AWS/Events', Period: 300, Statistic: 'Sum', Threshold: 0, TreatMissingData: 'notBreaching',
      });
      assert.match(AlarmActions[0], topic);
      assert.deepEqual(Dimensions.map((dimension: any) => dimension.Name), ['RuleName']);
      assert.match(Dimensions[0].Value, /^\{Plain/);
    }
    const arn = { 'Fn::GetAtt': [Match.stringLikeRegexp('^OnBus'), 'Arn'] };
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'FailedInvocations',
      Dimensions: [
        { Name: 'EventBusName', Value: { Ref: Match.stringLikeRegexp('^Bus') } },
        { Name: 'RuleName', Value: { 'Fn::Select': [2, { 'Fn::Split': ['/', arn] }] } },
      ],
    });
  });

  it('count a rule that is imported, or on the default bus by name, by its name alone', () => {
    const f = fixture();
    const eventBus = events.EventBus.fromEventBusName(f.stack, 'Bus', 'default');
    watch(f, {
      rules: [
        events.Rule.fromEventRuleArn(f.stack, 'Imported', `arn:aws:events:${REGION}:${ACCOUNT}:rule/deploys`),
        new events.Rule(f.stack, 'Named', { eventPattern: { source: ['x'] }, eventBus }),
      ],
    });
    const template = Template.fromStack(f.stack);
    assert.deepEqual(alarmOf(template, 'Rule0Failed').Dimensions, [{ Name: 'RuleName', Value: 'deploys' }]);
    const [named, ...more] = alarmOf(template, 'Rule1Failed').Dimensions;
    assert.deepEqual(more, []);
    assert.equal(named.Name, 'RuleName');
    assert.match(named.Value, /^\{Named\}$/);
  });

  it('count a rule where it is: of another account by that, of another region not at all', () => {
    const f = fixture();
    const ruleOn = (id: string, account: string, region: string) => (
      new events.Rule(new Stack(f.app, id, { env: { account, region } }), 'Rule', { ruleName: id, eventPattern: { source: ['x'] } }));
    assert.throws(() => watch(f, { rules: [ruleOn('Far', ACCOUNT, 'us-east-1')] }), /Cannot create an Alarm in region '?eu-west-3'?/);
    const g = fixture();
    const other = new Stack(g.app, 'Other', { env: { account: '310987654321', region: REGION } });
    watch(g, { rules: [new events.Rule(other, 'Rule', { ruleName: 'deploys', eventPattern: { source: ['x'] } })] });
    const [{ AccountId }] = alarmOf(Template.fromStack(g.stack), 'Rule0Failed').Metrics;
    assert.equal(AccountId, '310987654321');
  });

  it('of a family so long that no metric could be named after it', () => {
    const template = built({ family: `${'f'.repeat(254)}z`, period: Duration.hours(1) });
    const MetricName = `ended_well.${'f'.repeat(199)}z`;
    template.hasResourceProperties('AWS::Logs::MetricFilter', { MetricTransformations: [Match.objectLike({ MetricName })] });
    template.hasResourceProperties('AWS::CloudWatch::Alarm', { MetricName });
  });

  const windows: [string, Duration, number, number, number][] = [
    ['a minute', Duration.minutes(1), 60, 3, 3],
    ['a quarter of an hour', Duration.minutes(15), 900, 3, 45],
    ['an hour', Duration.hours(1), 3600, 3, 180],
    ['an hour and a half', Duration.minutes(90), 3600, 4, 240],
    ['a day', Duration.days(1), 3600, 49, 2880],
    ['83 hours', Duration.hours(83), 3600, 167, 2880],
    ['the longest', Duration.minutes(83 * 60 + 30), 3600, 168, 2880],
  ];
  for (const [what, period, Period, EvaluationPeriods, WarmUpPeriodDurationInMinutes] of windows) {
    it(`tell when nothing ended well for twice ${what}, and one more`, () => {
      const template = built({ period });
      template.hasResourceProperties('AWS::Logs::MetricFilter', {
        FilterPattern: '{ ($.msg = "metrics") && ($.exit_code = 0) }',
        LogGroupName: { Ref: Match.stringLikeRegexp('^TaskLog') },
        MetricTransformations: [
          { MetricName: 'ended_well.orders-migrate', MetricNamespace: 'postlude', MetricValue: '1', Unit: 'Count' },
        ],
      });
      const { AlarmActions, OKActions, ...rest } = alarmOf(template, 'Silence');
      assert.deepEqual(rest, {
        ComparisonOperator: 'LessThanThreshold', EvaluationPeriods, MetricName: 'ended_well.orders-migrate', Namespace: 'postlude',
        Period, Statistic: 'Sum', Threshold: 1, TreatMissingData: 'breaching', WarmUpConfiguration: { WarmUpPeriodDurationInMinutes },
      });
      assert.ok(Period * EvaluationPeriods <= (Period < 3600 ? 86400 : 604800));
      assert.match(AlarmActions[0], topic);
      assert.deepEqual(OKActions, AlarmActions);
    });
  }
});
