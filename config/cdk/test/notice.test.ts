import * as assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Template } from 'aws-cdk-lib/assertions';
import * as logs from 'aws-cdk-lib/aws-logs';
import { PostludeMessageFormat, PostludeTask, PostludeWatch } from '../lib';
import { endings } from '../lib/endings';
import { messageOf, plain } from './plain';
import { ACCOUNT, fixture, REGION } from './stack';

const TASK_ARN = '<detail-taskArn>';
const WHY = `aws ecs describe-tasks --region ${REGION} --cluster {Cluster} --tasks ${TASK_ARN}`
  + ' --query \'tasks[].[stopCode,stoppedReason,containers[].[name,exitCode,reason]]\'';
const LOG = `aws logs tail /orders/migrate --region ${REGION} --since 3h`;
const LOG_URL = `https://console.aws.amazon.com/cloudwatch/home?region=${REGION}#logsV2:log-groups/log-group/$252Forders$252Fmigrate`;
const [NOT_STARTED] = endings('postlude').filter((ending) => ending.id === 'NotStarted');
const [KILLED] = endings('postlude').filter((ending) => ending.id === 'Killed');

interface Told {
  readonly message: any;
  readonly rerun: string;
  readonly raw: string;
}

/** What is told of an ending, in a region; the log group is one of a known name, or the task's own. */
function told(ending: string, format: PostludeMessageFormat, region = REGION, logGroupName?: string): Told {
  const f = fixture({ account: ACCOUNT, region });
  const logGroup = logGroupName === undefined ? undefined : logs.LogGroup.fromLogGroupName(f.stack, 'Log', logGroupName);
  const task = new PostludeTask(f.stack, 'Task', { ...f, databaseName: 'orders', family: 'orders-migrate', logGroup });
  new PostludeWatch(f.stack, 'Watch', { task, format });
  const rules = Object.entries(Template.fromStack(f.stack).findResources('AWS::Events::Rule'));
  const [, rule] = rules.find(([id]) => id.startsWith(`Watch${ending}`))!;
  const transformer = rule.Properties.Targets[0].InputTransformer;
  const rerun = plain(f.stack.resolve(task.rerunCommand)).replace('<why>', 'WHY').replace('<who>', 'WHO');
  return { message: messageOf(transformer), rerun, raw: JSON.stringify(transformer.InputTemplate) };
}

const json = (region?: string, group: string | undefined = '/orders/migrate') => told('Killed', PostludeMessageFormat.JSON, region, group);
const chat = (ending: string) => told(ending, PostludeMessageFormat.CHAT, REGION, '/orders/migrate');

describe('a notice', () => {
  it('for programs is this, member by member', () => {
    const { message, rerun } = json();
    assert.deepEqual(message, {
      schema: 'postlude.watch/1',
      ending: 'killed',
      exit_code: 137,
      message: `orders-migrate: the task ${KILLED.story} (${TASK_ARN})`,
      hint: KILLED.hint,
      family: 'orders-migrate',
      task_arn: TASK_ARN,
      stop_code: '<detail-stopCode>',
      stopped_at: '<time>',
      containers: '<detail-containers>',
      why: WHY,
      log_group: '/orders/migrate',
      log: LOG,
      log_url: LOG_URL,
      rerun,
    });
  });

  it('for chats is this, with the log first where the log has it', () => {
    const { message, rerun } = chat('Killed');
    const title = `orders-migrate: the task ${KILLED.story}`;
    assert.deepEqual(message, {
      version: '1.0',
      source: 'custom',
      id: '<id>',
      content: {
        textType: 'client-markdown',
        title,
        description: `${KILLED.hint}\n\nTask: \`${TASK_ARN}\`\nStopped: <time>, \`<detail-stopCode>\``,
        nextSteps: [
          `Read the log: ${LOG_URL} or \`${LOG}\``,
          `Ask ECS why it stopped: \`${WHY}\``,
          `Start it again, with your reason and name for WHY and WHO: \`${rerun}\``,
        ],
        keywords: ['postlude', 'orders-migrate', 'killed'],
      },
      metadata: {
        threadId: TASK_ARN,
        summary: title,
        eventType: 'killed',
        relatedResources: [TASK_ARN],
        additionalContext: { ending: 'killed', exitCode: '137', family: 'orders-migrate', stopCode: '<detail-stopCode>' },
      },
    });
  });

  it('of a task that never started asks ECS first, and has no code', () => {
    const { content, metadata } = chat('NotStarted').message;
    assert.deepEqual(content.nextSteps.slice(0, 2), [`Ask ECS why it stopped: \`${WHY}\``, `Read the log: ${LOG_URL} or \`${LOG}\``]);
    assert.ok(content.description.startsWith(`${NOT_STARTED.hint}\n`));
    assert.deepEqual(metadata.additionalContext, {
      ending: 'not_started', family: 'orders-migrate', stopCode: '<detail-stopCode>',
    });
  });

  it('has the ending\'s word and story, and asks ECS first for the one that has no log only', () => {
    assert.deepEqual(endings('postlude').map(({ id, name, logged, story }) => [id, name, logged, story.split(/: | \(/)[0]]), [
      ['NotStarted', 'not_started', false, 'stopped and has no exit code'],
      ['Invalid', 'invalid', true, 'ended with exit code 2'],
      ['Unreachable', 'unreachable', true, 'ended with exit code 4'],
      ['Unreported', 'unreported', true, 'ended with exit code 8'],
      ['Internal', 'internal', true, 'ended with exit code 10'],
      ['Killed', 'killed', true, 'was killed'],
      ['Foreign', 'foreign', true, 'ended with an exit code that is none of postlude\'s'],
    ]);
  });
});

describe('the link to the log', () => {
  const consoles: [string, string | undefined][] = [
    ['us-east-1', 'console.aws.amazon.com'],
    ['cn-north-1', 'console.amazonaws.cn'],
    ['us-gov-west-1', 'console.amazonaws-us-gov.com'],
    ['us-iso-east-1', undefined],
    ['us-isob-east-1', undefined],
    ['eu-isoe-west-1', undefined],
    ['eusc-de-east-1', undefined],
  ];
  for (const [region, host] of consoles) {
    it(`is ${host === undefined ? 'none' : 'one'} in ${region}`, () => {
      const url = host && LOG_URL.replace('console.aws.amazon.com', host).replace(REGION, region);
      assert.equal(json(region).message.log_url, url);
    });
  }

  it('leaves a chat with the line alone where there is none', () => {
    const { message } = told('Killed', PostludeMessageFormat.CHAT, 'us-iso-east-1', '/orders/migrate');
    assert.equal(message.content.nextSteps[0], `Read the log: \`${LOG.replace(REGION, 'us-iso-east-1')}\``);
  });

  it('to a group of which the name is made at deployment is put together there', () => {
    const { raw } = told('Killed', PostludeMessageFormat.JSON);
    assert.match(raw, /"Fn::Join":\["\$252F",\{"Fn::Split":\["\/",\{"Ref":"TaskLog[0-9A-F]+"\}\]\}\]/);
  });
});
