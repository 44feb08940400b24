import { Stack } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as scheduler from 'aws-cdk-lib/aws-scheduler';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { networkConfiguration } from './rerun';
import { PostludeTask } from './task';
import { admitDeadLetters } from './tell';

/** A pipeline as its events name it. */
export interface PipelineEvents {
  readonly pipelineName: string;
  readonly account: string;
  readonly region: string;
  readonly stage?: string;
}

/** How long and how often EventBridge goes on when ECS cannot take the task. */
export interface Patience {
  readonly attempts: number;
  readonly maxAgeSeconds: number;
}

/** What the events of a pipeline, and those of its stages, are called. */
export const PIPELINE_CHANGE = 'CodePipeline Pipeline Execution State Change';
export const STAGE_CHANGE = 'CodePipeline Stage Execution State Change';

interface Field {
  readonly variable: string;
  readonly path: string;
  /** EventBridge leaves numbers without quotes, and RunTask takes strings only. */
  readonly number?: boolean;
}

/** Only fields of a closed alphabet: EventBridge escapes nothing that it puts into a template. */
const FIELDS: { [placeholder: string]: Field } = {
  type: { variable: 'DETAIL_TYPE', path: '$.detail-type' },
  source: { variable: 'SOURCE', path: '$.source' },
  id: { variable: 'ID', path: '$.id' },
  time: { variable: 'TIME', path: '$.time' },
  account: { variable: 'ACCOUNT', path: '$.account' },
  region: { variable: 'REGION', path: '$.region' },
  pipeline: { variable: 'PIPELINE', path: '$.detail.pipeline' },
  execution: { variable: 'EXECUTION_ID', path: '$.detail.execution-id' },
  state: { variable: 'STATE', path: '$.detail.state' },
  attempt: { variable: 'ATTEMPT', path: '$.detail.pipeline-execution-attempt', number: true },
  version: { variable: 'VERSION', path: '$.detail.version', number: true },
};

const STAGE: { [placeholder: string]: Field } = {
  stage: { variable: 'STAGE', path: '$.detail.stage' },
};

/** The events on which a pipeline, or one of its stages, has succeeded. */
export function succeeded(pipeline: PipelineEvents): events.EventPattern {
  return {
    source: ['aws.codepipeline'],
    account: [pipeline.account],
    region: [pipeline.region],
    detailType: [pipeline.stage ? STAGE_CHANGE : PIPELINE_CHANGE],
    detail: {
      pipeline: [pipeline.pipelineName],
      ...(pipeline.stage ? { stage: [pipeline.stage] } : {}),
      state: ['SUCCEEDED'],
    },
  };
}

/** The right to ask CodePipeline about a pipeline's executions, of the stack's account; its region, unless another is named. */
export function askingAbout(stack: Stack, pipelineName: string, region?: string): iam.PolicyStatement {
  return new iam.PolicyStatement({
    actions: ['codepipeline:GetPipelineExecution', 'codepipeline:ListPipelineExecutions'],
    resources: [stack.formatArn({ service: 'codepipeline', region, resource: pipelineName })],
  });
}

/** The events on which a task of this family, of whatever revision, has stopped, as `detail` says. */
export function stopped(task: PostludeTask, detail: { [member: string]: unknown }): events.EventPattern {
  return {
    source: ['aws.ecs'],
    detailType: ['ECS Task State Change'],
    detail: {
      clusterArn: [task.cluster.clusterArn],
      // And of no family whose name begins with this one's.
      taskDefinitionArn: [{ prefix: `${task._familyArn}:` }],
      lastStatus: ['STOPPED'],
      ...detail,
    },
  };
}

/** The event as scalar variables of the container. */
class EventVariables extends events.RuleTargetInput {
  public constructor(private readonly container: string, private readonly fields: { [placeholder: string]: Field }) {
    super();
  }

  public bind(): events.RuleTargetInputProperties {
    const names = Object.keys(this.fields);
    const environment = names.map((name) => {
      const value = this.fields[name].number ? `"<${name}>"` : `<${name}>`;
      return `{"name":"POSTLUDE_EVENT_${this.fields[name].variable}","value":${value}}`;
    });
    return {
      inputPathsMap: Object.fromEntries(names.map((name) => [name, this.fields[name].path])),
      inputTemplate: `{"containerOverrides":[{"name":"${this.container}","environment":[${environment.join(',')}]}]}`,
    };
  }
}

/** A role, without rights yet, that `service` assumes for what is of this account. */
export function roleFor(service: string, scope: Construct, id: string, description: string): iam.Role {
  return new iam.Role(scope, id, {
    assumedBy: new iam.ServicePrincipal(service, {
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
    }),
    description,
  });
}

const STARTS = 'postlude: starts the migrations';

/** What is run, one of it; where, rule and schedule spell each in its own way. */
function taskParameters(task: PostludeTask) {
  return { launchType: 'FARGATE', taskCount: 1, taskDefinitionArn: task.taskDefinition.taskDefinitionArn };
}

/** Starts the task on an event: the revision of this very deploy, with the event in its variables. */
export class StartTask implements events.IRuleTarget {
  public constructor(
    private readonly task: PostludeTask,
    private readonly queue: sqs.Queue,
    private readonly patience: Patience,
    private readonly stage: boolean,
  ) {}

  public bind(rule: events.Rule): events.RuleTargetConfig {
    const role = roleFor('events.amazonaws.com', rule, 'Role', STARTS);
    this.task.grantRun(role).applyBefore(rule.node.defaultChild!);
    admitDeadLetters(this.queue, { ArnEquals: { 'aws:SourceArn': rule.ruleArn } });
    const fields = this.stage ? { ...FIELDS, ...STAGE } : FIELDS;
    return {
      arn: this.task.cluster.clusterArn,
      role,
      ecsParameters: {
        ...taskParameters(this.task),
        networkConfiguration: { awsVpcConfiguration: networkConfiguration(this.task._launch).awsvpcConfiguration },
      },
      input: new EventVariables(this.task._launch.container, fields),
      deadLetterConfig: { arn: this.queue.queueArn },
      retryPolicy: { maximumRetryAttempts: this.patience.attempts, maximumEventAgeInSeconds: this.patience.maxAgeSeconds },
      targetResource: this.task.taskDefinition,
    };
  }
}

/** Starts the task on a schedule, by EventBridge Scheduler. */
export function startOnSchedule(
  scope: Construct, id: string, when: scheduler.ScheduleExpression, task: PostludeTask, queue: sqs.Queue, patience: Patience,
): scheduler.CfnSchedule {
  const role = roleFor('scheduler.amazonaws.com', scope, `${id}Role`, STARTS);
  const allowed = task.grantRun(role).combine(iam.Grant.addToPrincipal({
    grantee: role,
    actions: ['sqs:SendMessage'],
    resourceArns: [queue.queueArn],
  }));
  const schedule = new scheduler.CfnSchedule(scope, id, {
    description: 'postlude: applies what a lost event left pending',
    flexibleTimeWindow: { mode: 'OFF' },
    scheduleExpression: when.expressionString,
    scheduleExpressionTimezone: when.timeZone?.timezoneName,
    target: {
      arn: task.cluster.clusterArn,
      roleArn: role.roleArn,
      deadLetterConfig: { arn: queue.queueArn },
      ecsParameters: { ...taskParameters(task), networkConfiguration: networkConfiguration(task._launch) },
      input: JSON.stringify({
        containerOverrides: [{
          name: task._launch.container,
          environment: [
            { name: 'POSTLUDE_SCHEDULE_ARN', value: '<aws.scheduler.schedule-arn>' },
            { name: 'POSTLUDE_SCHEDULED_TIME', value: '<aws.scheduler.scheduled-time>' },
          ],
        }],
      }),
      retryPolicy: { maximumRetryAttempts: patience.attempts, maximumEventAgeInSeconds: patience.maxAgeSeconds },
    },
  });
  allowed.applyBefore(schedule);
  return schedule;
}
