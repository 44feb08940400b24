import { Stack } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as scheduler from 'aws-cdk-lib/aws-scheduler';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { networkConfiguration, TaskLaunch } from './rerun';
import { PostludeTask } from './task';

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
    detailType: [`CodePipeline ${pipeline.stage ? 'Stage' : 'Pipeline'} Execution State Change`],
    detail: {
      pipeline: [pipeline.pipelineName],
      ...(pipeline.stage ? { stage: [pipeline.stage] } : {}),
      state: ['SUCCEEDED'],
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

/** A role that may start the task and do nothing else; `service` of this account assumes it. */
function startRole(scope: Construct, id: string, service: string): iam.Role {
  return new iam.Role(scope, id, {
    assumedBy: new iam.ServicePrincipal(service, {
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
    }),
    description: 'postlude: starts the migrations',
  });
}

function ecsParameters(launch: TaskLaunch, task: PostludeTask) {
  return {
    launchType: 'FARGATE',
    taskCount: 1,
    taskDefinitionArn: task.taskDefinition.taskDefinitionArn,
    networkConfiguration: { awsVpcConfiguration: networkConfiguration(launch).awsvpcConfiguration },
  };
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
    const role = startRole(rule, 'Role', 'events.amazonaws.com');
    this.task.grantRun(role).applyBefore(rule.node.defaultChild!);
    this.queue.addToResourcePolicy(new iam.PolicyStatement({
      principals: [new iam.ServicePrincipal('events.amazonaws.com')],
      actions: ['sqs:SendMessage'],
      resources: [this.queue.queueArn],
      conditions: { ArnEquals: { 'aws:SourceArn': rule.ruleArn } },
    }));
    const fields = this.stage ? { ...FIELDS, ...STAGE } : FIELDS;
    return {
      arn: this.task.cluster.clusterArn,
      role,
      ecsParameters: ecsParameters(this.task._launch, this.task),
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
  const role = startRole(scope, `${id}Role`, 'scheduler.amazonaws.com');
  const allowed = task.grantRun(role).combine(iam.Grant.addToPrincipal({
    grantee: role,
    actions: ['sqs:SendMessage'],
    resourceArns: [queue.queueArn],
  }));
  const launch = task._launch;
  const parameters = ecsParameters(launch, task);
  const schedule = new scheduler.CfnSchedule(scope, id, {
    description: 'postlude: applies what a lost event left pending',
    flexibleTimeWindow: { mode: 'OFF' },
    scheduleExpression: when.expressionString,
    scheduleExpressionTimezone: when.timeZone?.timezoneName,
    target: {
      arn: task.cluster.clusterArn,
      roleArn: role.roleArn,
      deadLetterConfig: { arn: queue.queueArn },
      ecsParameters: {
        launchType: parameters.launchType,
        taskCount: parameters.taskCount,
        taskDefinitionArn: parameters.taskDefinitionArn,
        networkConfiguration: { awsvpcConfiguration: parameters.networkConfiguration.awsVpcConfiguration },
      },
      input: JSON.stringify({
        containerOverrides: [{
          name: launch.container,
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
