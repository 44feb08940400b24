import { Duration, Stack, Token } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { gate, PostludeGateProps } from './gate';
import { receiveFrom } from './receive';
import { refuseNameless, refuseRegionless, refuseTaken } from './refusals';
import { PostludeSchedule } from './schedule';
import { PostludeTask } from './task';
import { PostludeTaskProps } from './task-props';
import { deadLetters } from './tell';
import { askingAbout, Patience, PipelineEvents, startOnSchedule, StartTask, succeeded } from './trigger';
import { PostludeMessageFormat, PostludeWatch } from './watch';

/** What runs migrations after a pipeline. */
export interface PostludeMigrationProps extends PostludeTaskProps {
  /** The pipeline whose success starts the task. */
  readonly pipelineName: string;

  /**
   * The account of the pipeline. Another one than the stack's needs a PostludeForward there, which
   * sends the events to this account's bus; the bus is opened to that account here.
   *
   * @default - the stack's
   */
  readonly pipelineAccount?: string;

  /**
   * The region of the pipeline. Another one than the stack's needs a PostludeForward there too.
   *
   * @default - the stack's
   */
  readonly pipelineRegion?: string;

  /**
   * Start when this stage has succeeded, instead of the whole pipeline. The plan has to list it:
   * `stages: ["${PIPELINE_STAGE}"]`.
   *
   * @default - the whole pipeline
   */
  readonly stage?: string;

  /**
   * The bus on which the events arrive.
   *
   * @default - the default bus, where those of this account and region do
   */
  readonly eventBus?: events.IEventBus;

  /**
   * When the task is started besides, to catch up on what a lost event left. A start in the middle of
   * a deploy applies what that deploy brings, before the pipeline has succeeded: where the order
   * matters, choose hours without deploys, or never.
   *
   * @default PostludeSchedule.every(Duration.hours(1))
   */
  readonly schedule?: PostludeSchedule;

  /**
   * For how long an event that ECS cannot take is tried again; then it goes to the dead-letter queue.
   *
   * @default Duration.hours(2)
   */
  readonly maxEventAge?: Duration;

  /**
   * How often it is tried again within that time, 0 to 185.
   *
   * @default 185
   */
  readonly retryAttempts?: number;

  /**
   * The task role may ask CodePipeline whether the event is true. In the plan: `verify: true`.
   *
   * @default false
   */
  readonly verify?: boolean;

  /**
   * With `verify`, for a pipeline in another account: the role there that the task assumes. In the
   * plan: `assume_role: ${PIPELINE_ROLE_ARN}`.
   *
   * @default - the task role itself asks
   */
  readonly verifyRoleArn?: string;

  /**
   * The form in which the watch tells the topic of what postlude cannot report itself.
   *
   * @default PostludeMessageFormat.JSON
   */
  readonly watchFormat?: PostludeMessageFormat;
}

/** What a gate in a service's tasks is made of, when an earlier stage's success starts the migrations. */
export interface PostludeStageGateProps extends PostludeGateProps {
  /** The stage of the pipeline that deploys the service: a later one than `stage`. */
  readonly serviceStage: string;
}

/**
 * Migrations once per deploy, after the pipeline has succeeded: a rule starts the task with the
 * event in its variables, a schedule starts it to catch up, what could not be started lands in a
 * dead-letter queue, and the topic is told of all of it.
 */
export class PostludeMigration extends Construct implements ec2.IConnectable, iam.IGrantable {
  /** The task that is started. */
  public readonly task: PostludeTask;

  /** The rule that starts it. */
  public readonly rule: events.Rule;

  /** Where events and schedules end that ECS did not take. */
  public readonly deadLetterQueue: sqs.Queue;

  /** The topic that is told. */
  public readonly topic: sns.ITopic;

  /** The line that starts the task by hand; `<why>` and `<who>` are to be replaced. */
  public readonly rerunCommand: string;

  private readonly stage?: string;

  /** The role of the task. */
  public readonly grantPrincipal: iam.IPrincipal;

  /** The security groups of the task. */
  public readonly connections: ec2.Connections;

  public constructor(scope: Construct, id: string, props: PostludeMigrationProps) {
    super(scope, id);
    const patience = patienceOf(props);
    const pipeline = this.pipelineOf(props);
    this.stage = props.stage;
    this.task = new PostludeTask(this, 'Task', props);
    this.topic = this.task.topic;
    this.rerunCommand = this.task.rerunCommand;
    this.grantPrincipal = this.task.grantPrincipal;
    this.connections = this.task.connections;
    this.tellPipeline(props, pipeline);
    this.allowQuestions(props, pipeline);
    this.deadLetterQueue = deadLetters(this);
    this.rule = new events.Rule(this, 'Rule', {
      description: `postlude: migrations after ${props.stage ? `stage ${props.stage} of ` : ''}${props.pipelineName}`,
      eventBus: props.eventBus,
      eventPattern: succeeded(pipeline),
    });
    this.rule.addTarget(new StartTask(this.task, this.deadLetterQueue, patience, props.stage !== undefined));
    receiveFrom(this, 'Receive', { account: pipeline.account, eventBus: props.eventBus });
    const schedule = props.schedule ?? PostludeSchedule.every(Duration.hours(1));
    if (schedule.expression) {
      startOnSchedule(this, 'Schedule', schedule.expression, this.task, this.deadLetterQueue, patience);
    }
    new PostludeWatch(this, 'Watch', {
      task: this.task,
      deadLetterQueue: this.deadLetterQueue,
      rules: [this.rule],
      period: schedule.period,
      format: props.watchFormat,
    });
  }

  /**
   * Makes a service's tasks wait until the database is at the plan: `postlude check --wait` in a
   * container of its own, before `container`. Only with `stage`, and only for a service that a later
   * stage deploys: behind the pipeline's own success, or behind that of the service's stage, the
   * deployment would wait for the gate, the gate for the migrations, and the migrations for the
   * deployment, until ECS rolls it back.
   *
   * The service is to be of the same CDK Stage as this, or of none: CDK lets nothing refer from one Stage
   * to another, as those of CDK Pipelines are. There, write the container by hand, as README shows it.
   *
   * @param container the service's container, which starts when the gate has ended well
   * @param props which stage deploys it, how the gate logs in, and how long it waits
   */
  public addGate(container: ecs.ContainerDefinition, props: PostludeStageGateProps): ecs.ContainerDefinition {
    if (this.stage === undefined) {
      throw new Error('a gate would wait for itself: the migrations are started by the success of the whole pipeline, which waits for the '
        + 'service, whose tasks wait for the gate. Start them in an earlier stage (stage), or inside the stack (PostludeResource)');
    }
    if (this.stage === props.serviceStage) {
      throw new Error(`a gate would wait for itself: the migrations are started by the success of stage ${this.stage}, which waits for the `
        + 'service, whose tasks wait for the gate. Start them in an earlier stage than serviceStage, or inside the stack '
        + '(PostludeResource)');
    }
    return gate(this.task, container, props);
  }

  /** Lets somebody start the task by hand. */
  public grantRun(grantee: iam.IGrantable): iam.Grant {
    return this.task.grantRun(grantee);
  }

  private pipelineOf(props: PostludeMigrationProps): PipelineEvents {
    refuseNameless('pipelineName', props.pipelineName, 'name the pipeline');
    refuseNameless('stage', props.stage, 'leave it out to wait for the whole pipeline, or name the stage');
    refuseRegionless('pipelineRegion', props.pipelineRegion);
    const stack = Stack.of(this);
    const account = props.pipelineAccount ?? stack.account;
    if (!Token.isUnresolved(account) && !/^\d{12}$/.test(account)) {
      throw new Error(`pipelineAccount is "${account}": an account has 12 digits`);
    }
    return { pipelineName: props.pipelineName, account, region: props.pipelineRegion ?? stack.region, stage: props.stage };
  }

  /** So that the plan's `trigger` can name the pipeline without being written twice. */
  private tellPipeline(props: PostludeMigrationProps, pipeline: PipelineEvents): void {
    const variables = {
      PIPELINE_NAME: pipeline.pipelineName,
      PIPELINE_ACCOUNT: pipeline.account,
      PIPELINE_REGION: pipeline.region,
      ...(pipeline.stage ? { PIPELINE_STAGE: pipeline.stage } : {}),
      ...(props.verifyRoleArn ? { PIPELINE_ROLE_ARN: props.verifyRoleArn } : {}),
    };
    refuseTaken(props, Object.keys(variables));
    Object.entries(variables).forEach(([name, value]) => this.task.container.addEnvironment(name, value));
  }

  private allowQuestions(props: PostludeMigrationProps, pipeline: PipelineEvents): void {
    if (!props.verify) {
      if (props.verifyRoleArn) {
        throw new Error('verifyRoleArn is of use with verify: true only');
      }
      return;
    }
    const role = this.task.taskDefinition.taskRole;
    if (props.verifyRoleArn) {
      role.addToPrincipalPolicy(new iam.PolicyStatement({ actions: ['sts:AssumeRole'], resources: [props.verifyRoleArn] }));
      return;
    }
    if (props.pipelineAccount && props.pipelineAccount !== Stack.of(this).account) {
      throw new Error('verify for a pipeline in another account needs verifyRoleArn: a role there that the task role may assume');
    }
    role.addToPrincipalPolicy(askingAbout(Stack.of(this), pipeline.pipelineName, pipeline.region));
  }
}

function patienceOf(props: PostludeMigrationProps): Patience {
  const age = (props.maxEventAge ?? Duration.hours(2)).toSeconds();
  const attempts = props.retryAttempts ?? 185;
  if (!Token.isUnresolved(age) && (age < 60 || age > 86400)) {
    throw new Error('maxEventAge is between one minute and one day');
  }
  if (!Token.isUnresolved(attempts) && (!Number.isInteger(attempts) || attempts < 0 || attempts > 185)) {
    throw new Error('retryAttempts is a whole number from 0 to 185');
  }
  return { attempts, maxAgeSeconds: age };
}
