import * as assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CfnParameter, Duration, Stack, TimeZone } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import { ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import { PostludeMessageFormat, PostludeMigration, PostludeMigrationProps, PostludeSchedule } from '../lib';
import { added, complaints, Json, outputs, properties, resources, statements } from './plain';
import { ACCOUNT, Fixture, fixture, REGION, TOOLS } from './stack';

const TASKS = `arn:aws:ecs:${REGION}:${ACCOUNT}:task-definition/OrdersMigrateTaskDefinition631EC396`;
const VERIFY_ROLE = `arn:aws:iam::${TOOLS}:role/orders-verify`;

type Changes = Partial<PostludeMigrationProps>;

function make(f: Fixture, changes: Changes = {}, id = 'Migrate'): PostludeMigration {
  const { vpc, cluster, proxy, image } = f;
  return new PostludeMigration(f.stack, id, { vpc, cluster, proxy, image, databaseName: 'orders', pipelineName: 'orders', ...changes });
}

function variables(stack: Stack, prefix: string, id = 'Migrate'): { [name: string]: string } {
  const pairs: Json[] = properties(stack, `${id}TaskDefinition`).ContainerDefinitions[0].Environment;
  return Object.fromEntries(pairs.filter(({ Name }) => Name.startsWith(prefix)).map(({ Name, Value }) => [Name, Value]));
}

/** What a role that starts the task may do. */
const START = [
  { Action: 'ecs:RunTask', Resource: [TASKS, `${TASKS}:*`], Condition: { ArnEquals: { 'ecs:cluster': '{Cluster.Arn}' } } },
  {
    Action: 'iam:PassRole',
    Resource: ['{MigrateTaskTaskRole.Arn}', '{MigrateTaskDefinitionExecutionRole.Arn}'],
    Condition: { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
  },
];

const NETWORK = {
  AssignPublicIp: 'DISABLED',
  SecurityGroups: ['{MigrateTaskSecurityGroup.GroupId}'],
  Subnets: ['{VpcPrivateSubnet1Subnet}', '{VpcPrivateSubnet2Subnet}'],
};

/** The variables that a rule passes, and where in the event each comes from. */
const PASSED: [string, string, string][] = [
  ['DETAIL_TYPE', '<type>', '$.detail-type'],
  ['SOURCE', '<source>', '$.source'],
  ['ID', '<id>', '$.id'],
  ['TIME', '<time>', '$.time'],
  ['ACCOUNT', '<account>', '$.account'],
  ['REGION', '<region>', '$.region'],
  ['PIPELINE', '<pipeline>', '$.detail.pipeline'],
  ['EXECUTION_ID', '<execution>', '$.detail.execution-id'],
  ['STATE', '<state>', '$.detail.state'],
  ['ATTEMPT', '"<attempt>"', '$.detail.pipeline-execution-attempt'],
  ['VERSION', '"<version>"', '$.detail.version'],
];
const PASSED_STAGE: [string, string, string] = ['STAGE', '<stage>', '$.detail.stage'];

function transformer(passed: [string, string, string][]): Json {
  const pairs = passed.map(([name, value]) => `{"name":"POSTLUDE_EVENT_${name}","value":${value}}`);
  return {
    InputPathsMap: Object.fromEntries(passed.map(([, value, path]) => [value.replace(/[<>"]/g, ''), path])),
    InputTemplate: `{"containerOverrides":[{"name":"postlude","environment":[${pairs.join(',')}]}]}`,
  };
}

describe('what is refused', () => {
  const refused: [string, Changes, RegExp][] = [
    ['no pipeline', { pipelineName: '' }, /^pipelineName is empty: name the pipeline$/],
    ['no stage', { stage: '' }, /^stage is empty: leave it out to wait for the whole pipeline, or name the stage$/],
    ['a pattern of pipelines', { pipelineName: 'orders-*' }, /^pipelineName is "orders-\*": CodePipeline's names .* never match/],
    ['a stage that none can have', { stage: 'Prod EU' }, /^stage is "Prod EU": CodePipeline's names/],
    ['no region', { pipelineRegion: '' }, /^pipelineRegion is "", and no region: eu-west-3 is one$/],
    ['a zone as region', { pipelineRegion: 'eu-west-3a' }, /^pipelineRegion is "eu-west-3a", and no region/],
    ['an account of eleven digits', { pipelineAccount: '11098765432' }, /^pipelineAccount is "11098765432": an account has 12 digits$/],
    ['an ARN as account', { pipelineAccount: `arn:aws:iam::${TOOLS}:root` }, /an account has 12 digits$/],
    ['a role to verify, and no verify', { verifyRoleArn: VERIFY_ROLE }, /^verifyRoleArn is of use with verify: true only$/],
    ['verify across accounts without a role', { verify: true, pipelineAccount: TOOLS }, /account needs verifyRoleArn: a role there/],
    ['an age under a minute', { maxEventAge: Duration.seconds(59) }, /^maxEventAge is between one minute and one day$/],
    ['an age over a day', { maxEventAge: Duration.minutes(1441) }, /^maxEventAge is between one minute and one day$/],
    ['fewer attempts than none', { retryAttempts: -1 }, /^retryAttempts is a whole number from 0 to 185$/],
    ['too many attempts', { retryAttempts: 186 }, /^retryAttempts is a whole number from 0 to 185$/],
    ['half an attempt', { retryAttempts: 1.5 }, /^retryAttempts is a whole number from 0 to 185$/],
    ['a variable of the construct', { environment: { PIPELINE_NAME: 'other' } }, /^PIPELINE_NAME is set by the construct: leave it out/],
    ['a variable of the stage', { stage: 'Prod', environment: { PIPELINE_STAGE: 'Dev' } }, /^PIPELINE_STAGE is set by the construct/],
    ['a variable of the task', { environment: { DB_NAME: 'other' } }, /^DB_NAME is set by the construct/],
    ['an empty plan', { plan: '' }, /^plan is empty: leave it out, or name the file in the image$/],
  ];
  for (const [what, changes, message] of refused) {
    test(what, () => {
      assert.throws(() => make(fixture(), changes), { message });
    });
  }
});

/** The rules of the watch. */
const WATCHES = ['NotStarted', 'Invalid', 'Unreachable', 'Unreported', 'Internal', 'Killed', 'Foreign']
  .map((id) => `{MigrateWatch${id}.Arn}`);

describe('what it makes', () => {
  test('these resources and no others', () => {
    const f = fixture();
    make(f);
    assert.deepEqual(complaints(f.stack), []);
    const ids = added(f.stack, fixture().stack);
    const parts = Object.keys(ids).filter((id) => /^MigrateTask|^MigrateWatch/.test(id) || ids[id] === 'AWS::EC2::SecurityGroupIngress');
    assert.equal(parts.filter((id) => id.startsWith('MigrateWatch')).length, 13, 'those of PostludeWatch');
    assert.equal(parts.length, 10 + 13, 'those of PostludeTask and PostludeWatch');
    parts.forEach((id) => delete ids[id]);
    assert.deepEqual(ids, {
      MigrateDeadLetters: 'AWS::SQS::Queue',
      MigrateDeadLettersPolicy: 'AWS::SQS::QueuePolicy',
      MigrateRule: 'AWS::Events::Rule',
      MigrateRuleRole: 'AWS::IAM::Role',
      MigrateRuleRoleDefaultPolicy: 'AWS::IAM::Policy',
      MigrateSchedule: 'AWS::Scheduler::Schedule',
      MigrateScheduleRole: 'AWS::IAM::Role',
      MigrateScheduleRoleDefaultPolicy: 'AWS::IAM::Policy',
    });
  });

  test('these policy statements and no others', () => {
    const f = fixture();
    make(f);
    const assumed = (Service: string): Json => [{
      Action: 'sts:AssumeRole', Principal: { Service }, Condition: { StringEquals: { 'aws:SourceAccount': ACCOUNT } },
    }];
    const ids = Object.keys(added(f.stack, fixture().stack)).filter((id) => !/^MigrateTask|^MigrateWatch/.test(id));
    assert.deepEqual(statements(f.stack, ids), {
      MigrateDeadLettersPolicy: [
        {
          Effect: 'Deny',
          Action: 'sqs:*',
          Principal: { AWS: '*' },
          Resource: '{MigrateDeadLetters.Arn}',
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        },
        {
          Action: 'sqs:SendMessage',
          Principal: { Service: 'events.amazonaws.com' },
          Resource: '{MigrateDeadLetters.Arn}',
          Condition: { ArnEquals: { 'aws:SourceArn': '{MigrateRule.Arn}' } },
        },
        {
          Action: 'sqs:SendMessage',
          Principal: { Service: 'events.amazonaws.com' },
          Resource: '{MigrateDeadLetters.Arn}',
          Condition: { ArnEquals: { 'aws:SourceArn': WATCHES } },
        },
      ],
      MigrateRuleRole: assumed('events.amazonaws.com'),
      MigrateRuleRoleDefaultPolicy: START,
      MigrateScheduleRole: assumed('scheduler.amazonaws.com'),
      MigrateScheduleRoleDefaultPolicy: [...START, { Action: 'sqs:SendMessage', Resource: '{MigrateDeadLetters.Arn}' }],
    });
    const parts = statements(f.stack, Object.keys(resources(f.stack)).filter((id) => /^MigrateTask|^MigrateWatch/.test(id)));
    assert.equal(Object.values(parts).flat().length, 6 + 2, 'those of PostludeTask, and what PostludeWatch adds to the policies');
  });

  test('the rule', () => {
    const f = fixture();
    make(f);
    assert.deepEqual(resources(f.stack).MigrateRule, {
      Type: 'AWS::Events::Rule',
      DependsOn: ['MigrateRuleRoleDefaultPolicy'],
      Properties: {
        Description: 'postlude: migrations after orders',
        State: 'ENABLED',
        EventPattern: {
          'source': ['aws.codepipeline'],
          'account': [ACCOUNT],
          'region': [REGION],
          'detail-type': ['CodePipeline Pipeline Execution State Change'],
          'detail': { pipeline: ['orders'], state: ['SUCCEEDED'] },
        },
        Targets: [{
          Id: 'Target0',
          Arn: '{Cluster.Arn}',
          RoleArn: '{MigrateRuleRole.Arn}',
          EcsParameters: {
            LaunchType: 'FARGATE',
            TaskCount: 1,
            TaskDefinitionArn: '{MigrateTaskDefinition}',
            NetworkConfiguration: { AwsVpcConfiguration: NETWORK },
          },
          InputTransformer: transformer(PASSED),
          RetryPolicy: { MaximumEventAgeInSeconds: 7200, MaximumRetryAttempts: 185 },
          DeadLetterConfig: { Arn: '{MigrateDeadLetters.Arn}' },
        }],
      },
    });
  });

  test('the schedule', () => {
    const f = fixture();
    make(f);
    assert.deepEqual(resources(f.stack).MigrateSchedule, {
      Type: 'AWS::Scheduler::Schedule',
      DependsOn: ['MigrateScheduleRoleDefaultPolicy'],
      Properties: {
        Description: 'postlude: applies what a lost event left pending',
        FlexibleTimeWindow: { Mode: 'OFF' },
        ScheduleExpression: 'cron(0 * * * ? *)',
        ScheduleExpressionTimezone: 'Etc/UTC',
        Target: {
          Arn: '{Cluster.Arn}',
          RoleArn: '{MigrateScheduleRole.Arn}',
          EcsParameters: {
            LaunchType: 'FARGATE',
            TaskCount: 1,
            TaskDefinitionArn: '{MigrateTaskDefinition}',
            NetworkConfiguration: { AwsvpcConfiguration: NETWORK },
          },
          Input: '{"containerOverrides":[{"name":"postlude","environment":['
            + '{"name":"POSTLUDE_SCHEDULE_ARN","value":"<aws.scheduler.schedule-arn>"},'
            + '{"name":"POSTLUDE_SCHEDULED_TIME","value":"<aws.scheduler.scheduled-time>"}]}]}',
          RetryPolicy: { MaximumEventAgeInSeconds: 7200, MaximumRetryAttempts: 185 },
          DeadLetterConfig: { Arn: '{MigrateDeadLetters.Arn}' },
        },
      },
    });
  });

  test('the dead-letter queue', () => {
    const f = fixture();
    make(f);
    assert.deepEqual(properties(f.stack, 'MigrateDeadLetters'), { MessageRetentionPeriod: 1209600, SqsManagedSseEnabled: true });
    assert.deepEqual(properties(f.stack, 'MigrateDeadLettersPolicy').Queues, ['{MigrateDeadLetters}']);
  });

  test('the pipeline in variables, for the plan', () => {
    const f = fixture();
    make(f);
    assert.deepEqual(variables(f.stack, 'PIPELINE_'), {
      PIPELINE_NAME: 'orders', PIPELINE_ACCOUNT: ACCOUNT, PIPELINE_REGION: REGION,
    });
  });
});

describe('the pipeline', () => {
  test('one of its stages', () => {
    const f = fixture();
    make(f, { stage: 'Prod' });
    const rule = properties(f.stack, 'MigrateRule');
    assert.equal(rule.Description, 'postlude: migrations after stage Prod of orders');
    assert.deepEqual(rule.EventPattern['detail-type'], ['CodePipeline Stage Execution State Change']);
    assert.deepEqual(rule.EventPattern.detail, { pipeline: ['orders'], stage: ['Prod'], state: ['SUCCEEDED'] });
    assert.deepEqual(rule.Targets[0].InputTransformer, transformer([...PASSED, PASSED_STAGE]));
    assert.equal(variables(f.stack, 'PIPELINE_').PIPELINE_STAGE, 'Prod');
  });

  test('a name and a stage that are known at deployment only', () => {
    const f = fixture();
    const pipelineName = new CfnParameter(f.stack, 'Pipeline').valueAsString;
    const stage = new CfnParameter(f.stack, 'Stage').valueAsString;
    make(f, { pipelineName, stage });
    const rule = properties(f.stack, 'MigrateRule');
    assert.deepEqual(rule.EventPattern.detail, { pipeline: ['{Pipeline}'], stage: ['{Stage}'], state: ['SUCCEEDED'] });
    assert.deepEqual(variables(f.stack, 'PIPELINE_').PIPELINE_STAGE, '{Stage}');
  });

  test('of another account and region', () => {
    const f = fixture();
    make(f, { pipelineAccount: TOOLS, pipelineRegion: 'us-east-1' });
    const { account, region } = properties(f.stack, 'MigrateRule').EventPattern;
    assert.deepEqual([account, region], [[TOOLS], ['us-east-1']]);
    assert.deepEqual(variables(f.stack, 'PIPELINE_'), {
      PIPELINE_NAME: 'orders', PIPELINE_ACCOUNT: TOOLS, PIPELINE_REGION: 'us-east-1',
    });
    assert.equal(resources(f.stack).MigrateReceive.Type, 'AWS::Events::EventBusPolicy');
  });

  test('on a bus of yours', () => {
    const f = fixture();
    make(f, { eventBus: new events.EventBus(f.stack, 'Bus') });
    assert.equal(properties(f.stack, 'MigrateRule').EventBusName, '{Bus}');
  });

  test('on a bus of yours, of another account: that bus is opened to it', () => {
    const f = fixture();
    make(f, { pipelineAccount: TOOLS, eventBus: new events.EventBus(f.stack, 'Bus') });
    const { EventBusName: bus, Statement: statement } = properties(f.stack, 'MigrateReceive');
    assert.deepEqual([bus, statement.Resource], ['{Bus}', '{Bus.Arn}']);
  });

  test('of a stack of no known account or region', () => {
    const f = fixture({});
    make(f);
    const { account, region } = properties(f.stack, 'MigrateRule').EventPattern;
    assert.deepEqual([account, region], [['{AWS::AccountId}'], ['{AWS::Region}']]);
    assert.doesNotMatch(JSON.stringify(resources(f.stack)), new RegExp(`${ACCOUNT}|${REGION}`));
  });
});

describe('verify', () => {
  const asked = (f: Fixture): Json => statements(f.stack, ['MigrateTaskTaskRoleDefaultPolicy']).MigrateTaskTaskRoleDefaultPolicy.slice(2);

  test('is nothing that the role may do without being asked for', () => {
    const f = fixture();
    make(f);
    assert.deepEqual(asked(f), []);
  });

  test('by the task role, in its account and in any region', () => {
    const f = fixture();
    make(f, { verify: true, pipelineAccount: ACCOUNT, pipelineRegion: 'us-east-1' });
    assert.deepEqual(asked(f), [{
      Action: ['codepipeline:GetPipelineExecution', 'codepipeline:ListPipelineExecutions'],
      Resource: `arn:aws:codepipeline:us-east-1:${ACCOUNT}:orders`,
    }]);
  });

  test('by a role of the pipeline\'s account', () => {
    const f = fixture();
    make(f, { verify: true, verifyRoleArn: VERIFY_ROLE, pipelineAccount: TOOLS });
    assert.deepEqual(asked(f), [{ Action: 'sts:AssumeRole', Resource: VERIFY_ROLE }]);
    assert.equal(variables(f.stack, 'PIPELINE_').PIPELINE_ROLE_ARN, VERIFY_ROLE);
  });
});

describe('patience', () => {
  test('of yours, for the rule and the schedule', () => {
    const f = fixture();
    make(f, { maxEventAge: Duration.days(1), retryAttempts: 0 });
    const patience = { MaximumEventAgeInSeconds: 86400, MaximumRetryAttempts: 0 };
    assert.deepEqual(properties(f.stack, 'MigrateRule').Targets[0].RetryPolicy, patience);
    assert.deepEqual(properties(f.stack, 'MigrateSchedule').Target.RetryPolicy, patience);
  });

  test('that is known at deployment only', () => {
    const f = fixture();
    const age = new CfnParameter(f.stack, 'Age', { type: 'Number' }).valueAsNumber;
    const attempts = new CfnParameter(f.stack, 'Attempts', { type: 'Number' }).valueAsNumber;
    make(f, { maxEventAge: Duration.seconds(age), retryAttempts: attempts });
    const patience = { MaximumEventAgeInSeconds: '{Age}', MaximumRetryAttempts: '{Attempts}' };
    assert.deepEqual(properties(f.stack, 'MigrateRule').Targets[0].RetryPolicy, patience);
    assert.deepEqual(properties(f.stack, 'MigrateSchedule').Target.RetryPolicy, patience);
  });
});

describe('the catch-up', () => {
  test('never', () => {
    const f = fixture();
    make(f, { schedule: PostludeSchedule.never() });
    assert.deepEqual(Object.keys(resources(f.stack)).filter((id) => id.startsWith('MigrateSchedule')), []);
  });

  test('at a time of day, where you are', () => {
    const f = fixture();
    const expression = ScheduleExpression.cron({ minute: '0', hour: '4', timeZone: TimeZone.EUROPE_PARIS });
    make(f, { schedule: PostludeSchedule.at(expression, Duration.days(1)) });
    const { ScheduleExpression: when, ScheduleExpressionTimezone: where } = properties(f.stack, 'MigrateSchedule');
    assert.deepEqual([when, where], ['cron(0 4 * * ? *)', 'Europe/Paris']);
  });
});

test('two in one stack, each with its own task, rule and queue', () => {
  const f = fixture();
  make(f);
  make(f, { databaseName: 'billing', pipelineName: 'billing' }, 'Bills');
  assert.deepEqual(complaints(f.stack), []);
  const ids = Object.values(added(f.stack, fixture().stack));
  assert.equal(ids.length, 2 * (10 + 13 + 8));
  assert.equal(variables(f.stack, 'DB_', 'Bills').DB_NAME, 'billing');
  assert.deepEqual(properties(f.stack, 'BillsRule').EventPattern.detail.pipeline, ['billing']);
  assert.deepEqual(Object.keys(outputs(f.stack)), ['MigrateTaskRerun', 'BillsTaskRerun']);
});

test('its watch tells in the form that is asked for', () => {
  for (const [watchFormat, words] of [[undefined, /postlude\.watch\/1/], [PostludeMessageFormat.CHAT, /client-markdown/]] as const) {
    const f = fixture();
    make(f, { watchFormat });
    assert.match(JSON.stringify(properties(f.stack, 'MigrateWatchKilled').Targets), words);
  }
});

test('what it lets others do', () => {
  const f = fixture();
  const migration = make(f);
  const role = new iam.Role(f.stack, 'OnCall', { assumedBy: new iam.AccountRootPrincipal() });
  migration.grantRun(role);
  assert.deepEqual(statements(f.stack, ['OnCallDefaultPolicy']).OnCallDefaultPolicy, START);
  assert.equal(migration.grantPrincipal, migration.task.taskDefinition.taskRole);
  assert.equal(migration.connections, migration.task.connections);
  assert.equal(migration.topic, migration.task.topic);
  assert.equal(migration.rerunCommand, migration.task.rerunCommand);
});
