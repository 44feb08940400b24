import * as fs from 'node:fs';
import * as path from 'node:path';
import { Annotations, CustomResource, Duration, Stack, Token } from 'aws-cdk-lib';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { alarmFunction } from './alarms';
import { gate, PostludeGateProps } from './gate';
import { needsOf } from './needs';
import { refuseEmpty } from './refusals';
import { networkConfiguration } from './rerun';
import { PostludeTask } from './task';
import { PostludeTaskProps } from './task-props';
import { stopped } from './trigger';
import { withoutPipeline } from './variables';
import { PostludeMessageFormat, PostludeWatch } from './watch';

/** The program of the function, which is put into the template whole. */
const PROGRAM = path.join(__dirname, '..', '..', 'lambda', 'start.py');

/** What a migration inside a stack is made of. */
export interface PostludeResourceProps extends PostludeTaskProps {
  /**
   * What changes with the migrations when the image's name does not, a digest of their folder for
   * instance: CloudFormation runs nothing when nothing about the resource has changed. An image
   * that is named by tag or digest, or built as an asset, needs none.
   *
   * @default - none: the migrations run when the task's definition changes
   */
  readonly digest?: string;

  /**
   * How long the stack waits for the migrations before it fails and rolls back, 1 to 60 minutes.
   * postlude ends its run after eleven twelfths of that and tells the stack.
   *
   * @default Duration.hours(1)
   */
  readonly timeout?: Duration;

  /**
   * The form in which the watch tells the topic of what postlude cannot report itself.
   *
   * @default PostludeMessageFormat.JSON
   */
  readonly watchFormat?: PostludeMessageFormat;
}

/**
 * Migrations inside a stack, way 1: the stack starts the task, waits for it, and fails with the
 * reason when the migrations fail. Whatever depends on this construct is created or changed after
 * the schema:
 *
 *     service.node.addDependency(migrations);
 *
 * They run when the task definition or `digest` changes. A failed migration leaves what stands
 * before it applied; the stack is rolled back to the old code, and to the old image of the
 * migrations, which is run and has nothing to do. Nothing goes down, so a migration must suit the
 * code before it. Deleting the resource does nothing to the database.
 *
 * Beside the task it makes a Lambda function that starts it, and that answers the stack in its
 * place when it never started or was killed; and a PostludeWatch, which tells the topic of such a
 * task. But for their two alarms, nothing costs anything between deployments.
 */
export class PostludeResource extends Construct {
  /** The task: its role, log, topic, and the line that starts it by hand. */
  public readonly task: PostludeTask;

  /** The function that starts the task. */
  public readonly starter: lambda.Function;

  /** What the run came to: applied or nothing. */
  public readonly outcome: string;

  /** The id of the run, as in log, report and ledger. */
  public readonly runId: string;

  /** How many migrations this run applied. */
  public readonly applied: string;

  /** How many were applied before. */
  public readonly alreadyApplied: string;

  /** How many are left; none, unless the run was told to stop at one. */
  public readonly pending: string;

  public constructor(scope: Construct, id: string, props: PostludeResourceProps) {
    super(scope, id);
    const timeout = props.timeout ?? Duration.hours(1);
    refuse(props);
    this.task = new PostludeTask(this, 'Task', { ...props, environment: this.environment(props) });
    this.starter = this.makeStarter(timeout);
    const rule = this.watchForEnd();
    const watch = new PostludeWatch(this, 'Watch', { task: this.task, format: props.watchFormat });
    const alarm = alarmFunction(this, 'StarterAlarm', this.starter, this.task.topic,
      `postlude ${this.task.taskDefinition.family}: the function that starts the migrations of a stack failed, and is tried twice more. A`
      + ' stack may be waiting for an answer that does not come. Look at the log of the function, and at the events of the stack.');
    const resource = new CustomResource(this, 'Resource', {
      resourceType: 'Custom::PostludeMigrations',
      serviceToken: this.starter.functionArn,
      serviceTimeout: timeout,
      properties: {
        TaskDefinition: this.task.taskDefinition.taskDefinitionArn,
        ...(props.digest === undefined ? {} : { Digest: props.digest }),
      },
    });
    resource.node.addDependency(needsOf(this.task), this.starter, rule, watch, alarm);
    this.warnOfTag(props);
    this.outcome = resource.getAttString('Outcome');
    this.runId = resource.getAttString('RunId');
    this.applied = resource.getAttString('Applied');
    this.alreadyApplied = resource.getAttString('AlreadyApplied');
    this.pending = resource.getAttString('Pending');
  }

  /**
   * Makes a service's tasks wait until the database is at the plan: `postlude check --wait` in a
   * container of its own, before `container`, of the same image as the migrations. For services that
   * are not in this stack, or start tasks while it is deployed.
   *
   * It is one for every task of that image, also those that start months later. Leave the deployment
   * more time than `wait`.
   *
   * @param container the service's container, which starts when the gate has ended well
   * @param props how the gate logs in, and how long it waits
   */
  public addGate(container: ecs.ContainerDefinition, props: PostludeGateProps): ecs.ContainerDefinition {
    return gate(this.task, container, props);
  }

  private environment(props: PostludeResourceProps): { [name: string]: string } {
    const { account, region } = Stack.of(this);
    const all = { PIPELINE_NAME: 'none', ...withoutPipeline(account, region), ...props.environment };
    return Object.fromEntries(Object.entries(all).filter(([name]) => props.environment?.[name] !== undefined || !props.secrets?.[name]));
  }

  private makeStarter(timeout: Duration): lambda.Function {
    const logGroup = new logs.LogGroup(this, 'StarterLog', { retention: logs.RetentionDays.ONE_YEAR });
    const role = new iam.Role(this, 'StarterRole', {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
      description: 'postlude: starts the migrations of a stack',
    });
    logGroup.grantWrite(role);
    this.task.grantRun(role);
    this.grantLook(role);
    return new lambda.Function(this, 'Starter', {
      description: 'Starts the migrations of a stack, and answers it when they cannot',
      runtime: lambda.Runtime.PYTHON_3_13,
      handler: 'index.handler',
      code: lambda.Code.fromInline(fs.readFileSync(PROGRAM, 'utf8')),
      role,
      logGroup,
      memorySize: 256,
      timeout: shorter(timeout, Duration.minutes(10)),
      maxEventAge: timeout,
      environment: {
        CONTAINER: this.task._launch.container,
        TIMEOUT: String(timeout.toSeconds()),
        RUN_TASK: Stack.of(this).toJsonString({
          cluster: this.task._launch.cluster,
          launchType: 'FARGATE',
          networkConfiguration: networkConfiguration(this.task._launch),
        }),
      },
    });
  }

  private grantLook(role: iam.Role): void {
    const { cluster } = this.task;
    role.addToPolicy(new iam.PolicyStatement({
      actions: ['ecs:DescribeTasks'],
      resources: [Stack.of(this).formatArn({ service: 'ecs', resource: 'task', resourceName: `${cluster.clusterName}/*` })],
      conditions: { ArnEquals: { 'ecs:cluster': cluster.clusterArn } },
    }));
  }

  /**
   * Tells the function of each task that a stack started and that has ended. Which of them said
   * nothing to the stack, never started or were killed, is the function's to judge: AWS itself puts
   * containers into tasks, and a pattern looks at the exit codes of all.
   */
  private watchForEnd(): events.Rule {
    return new events.Rule(this, 'Ended', {
      description: 'postlude: a task that a stack waits for has ended',
      eventPattern: stopped(this.task, { startedBy: [{ prefix: 'cloudformation/' }] }),
      targets: [new targets.LambdaFunction(this.starter)],
    });
  }

  private warnOfTag(props: PostludeResourceProps): void {
    const { imageName } = this.task.container;
    const isKnown = !Token.isUnresolved(imageName);
    // Of a repository only the tag is known here.
    const isSame = isKnown ? /(^|\/)[^/:@]+(:latest)?$/.test(imageName) : imageName.endsWith(':latest');
    if (props.digest === undefined && isSame) {
      Annotations.of(this).addWarningV2('postlude:SameName', `${isKnown ? imageName : 'the image, tagged latest,'} has the same name `
        + 'after each build: CloudFormation sees no change and runs no migrations. Name the image by a tag of its own or by its digest, '
        + 'or give digest');
    }
  }
}

function shorter(one: Duration, other: Duration): Duration {
  return one.toSeconds() < other.toSeconds() ? one : other;
}

function refuse(props: PostludeResourceProps): void {
  if (props.timeout && (props.timeout.isUnresolved() || props.timeout.toSeconds() < 60 || props.timeout.toSeconds() > 3600)) {
    throw new Error('timeout is not between 1 and 60 minutes: CloudFormation waits an hour at most, and a task needs a minute to start');
  }
  refuseEmpty('digest', props.digest, 'leave it out, or give what changes with the migrations');
}
