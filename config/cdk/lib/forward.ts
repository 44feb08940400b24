import { Duration, Stack, Token } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { alarmDeadLetters, alarmRule } from './alarms';
import { refuseNameless, refuseRegionless } from './refusals';
import { allowDeadLetters, allowKey, allowPublish, deadLetters, refuseTopic } from './tell';
import { askingAbout, roleFor, succeeded } from './trigger';

/** A bus that is sent to. */
export interface PostludeForwardTarget {
  /** The account of the database. */
  readonly account: string;

  /** The region of the database. */
  readonly region: string;

  /**
   * The bus there, on which the rule of a PostludeMigration listens.
   *
   * @default 'default'
   */
  readonly eventBusName?: string;
}

/** What sends a pipeline's success to where its migrations are run. */
export interface PostludeForwardProps {
  /** The pipeline, of this stack's account and region. */
  readonly pipelineName: string;

  /**
   * Forward the success of this stage, instead of the whole pipeline's.
   *
   * @default - the whole pipeline
   */
  readonly stage?: string;

  /** The buses that are sent to, five at most. */
  readonly targets: PostludeForwardTarget[];

  /**
   * The topic that is told when an event could not be forwarded.
   *
   * @default - nobody is told; the dead-letter queue has it
   */
  readonly topic?: sns.ITopic;

  /**
   * The key of an encrypted topic.
   *
   * @default - the topic's own, where CDK knows it; else none
   */
  readonly topicKey?: kms.IKey;

  /**
   * Accounts, or ARNs of task roles, that may ask CodePipeline whether an event of this pipeline is
   * true (`trigger.verify` of the plan). An account decides by its own policies which of its roles
   * may; the ARN of a role can be named once that role is there.
   *
   * @default - nobody, and no role is made
   */
  readonly verifiers?: string[];

  /**
   * The name of the role they assume, by which the plan names it in `trigger.assume_role`.
   *
   * @default - postlude-verify-<pipelineName>
   */
  readonly verifyRoleName?: string;
}

/**
 * For the account of the pipeline, when that is not the account and region of the database:
 * EventBridge cannot start a task in another account or region, so a rule here sends the event to the
 * bus there, and that of a PostludeMigration there starts the task.
 *
 * The bus of another account has to admit this one, which PostludeMigration sees to with
 * `pipelineAccount`; until it does, events end in the dead-letter queue here, and are not tried again.
 * A bus in another region of this account needs nothing more. `account` and `region` of the event stay
 * the pipeline's; only what is sent to another account is charged, as one custom event.
 */
export class PostludeForward extends Construct {
  /** The rule on the pipeline's success. */
  public readonly rule: events.Rule;

  /** Where events end that a bus did not take within a day. */
  public readonly deadLetterQueue: sqs.Queue;

  /** The role for `trigger.verify`, when there are verifiers. */
  public readonly verifyRole?: iam.Role;

  private verifyRoleName?: string;

  public constructor(scope: Construct, id: string, props: PostludeForwardProps) {
    super(scope, id);
    const stack = Stack.of(this);
    refuse(props, stack);
    this.deadLetterQueue = deadLetters(this);
    this.rule = new events.Rule(this, 'Rule', {
      description: `postlude: forwards the success of ${props.stage ? `stage ${props.stage} of ` : ''}${props.pipelineName}`,
      eventPattern: succeeded({
        pipelineName: props.pipelineName,
        stage: props.stage,
        account: stack.account,
        region: stack.region,
      }),
    });
    props.targets.forEach((target, at) => this.forward(target, at));
    allowDeadLetters(this, this.deadLetterQueue, [this.rule]);
    this.watch(props);
    this.verifyRole = props.verifiers?.length ? this.admit(props, props.verifiers) : undefined;
  }

  private forward(target: PostludeForwardTarget, at: number): void {
    const bus = Stack.of(this).formatArn({
      service: 'events',
      account: target.account,
      region: target.region,
      resource: 'event-bus',
      resourceName: target.eventBusName ?? 'default',
    });
    const role = roleFor('events.amazonaws.com', this, `Role${at}`, 'postlude: sends events to the bus of the database\'s account');
    const allowed = iam.Grant.addToPrincipal({ grantee: role, actions: ['events:PutEvents'], resourceArns: [bus] });
    allowed.applyBefore(this.rule.node.defaultChild!);
    this.rule.addTarget({
      bind: () => ({
        arn: bus,
        role,
        deadLetterConfig: { arn: this.deadLetterQueue.queueArn },
        // A late event is better than none: it is the plan's max_age that says when it is too late.
        retryPolicy: { maximumRetryAttempts: 185, maximumEventAgeInSeconds: Duration.days(1).toSeconds() },
      }),
    });
  }

  private watch(props: PostludeForwardProps): void {
    if (!props.topic) {
      return;
    }
    refuseTopic(this, props.topic);
    const key = props.topicKey ?? props.topic.masterKey;
    allowPublish(this, props.topic, false);
    if (key) {
      allowKey(this, key, false);
    }
    alarmDeadLetters(this, this.deadLetterQueue, props.topic,
      `postlude: the success of pipeline ${props.pipelineName} could not be sent to a bus, so that migrations were not started there. The`
      + ' attributes of the message in the dead-letter queue (TARGET_ARN, ERROR_CODE, ERROR_MESSAGE) say to which and why: with'
      + ' NO_PERMISSIONS the bus does not admit this account (pipelineAccount of PostludeMigration). Mend that, start the task there by'
      + ' hand, and delete the message.');
    alarmRule(this, 'Rule', this.rule, props.topic, `postlude, forwarding of pipeline ${props.pipelineName}`);
  }

  private admit(props: PostludeForwardProps, verifiers: string[]): iam.Role {
    const roleName = props.verifyRoleName ?? `postlude-verify-${props.pipelineName}`;
    if (!Token.isUnresolved(roleName) && roleName.length > 64) {
      throw new Error(`the name of the role for verifiers, ${roleName}, is longer than 64 characters: give verifyRoleName`);
    }
    this.refuseSameRole(roleName);
    const role = new iam.Role(this, 'VerifyRole', {
      roleName,
      assumedBy: new iam.CompositePrincipal(...verifiers.map((verifier) => (
        verifier.startsWith('arn:') ? new iam.ArnPrincipal(verifier) : new iam.AccountPrincipal(verifier)))),
      description: `postlude: asks whether an event of pipeline ${props.pipelineName} is true`,
    });
    role.addToPolicy(askingAbout(Stack.of(this), props.pipelineName));
    return role;
  }

  /** Two stages of one pipeline, for example, each with a PostludeForward. */
  private refuseSameRole(roleName: string): void {
    const account = Stack.of(this).account;
    const other = this.node.root.node.findAll().find((one) => one instanceof PostludeForward && one.verifyRoleName === roleName
      && (Stack.of(one) === Stack.of(this) || (!Token.isUnresolved(account) && Stack.of(one).account === account)));
    if (other) {
      throw new Error(`the role ${roleName} is made by ${other.node.path} already, for every stage of the pipeline: give verifiers to one`
        + ' of the two only, or verifyRoleName');
    }
    this.verifyRoleName = roleName;
  }
}

function refuse(props: PostludeForwardProps, stack: Stack): void {
  refuseNameless('pipelineName', props.pipelineName, 'name the pipeline');
  refuseNameless('stage', props.stage, 'leave it out to forward the success of the whole pipeline, or name the stage');
  if (props.targets.length < 1 || props.targets.length > 5) {
    throw new Error(`targets has ${props.targets.length} buses, and a rule has one to five: make another PostludeForward for the rest`);
  }
  const buses = new Set<string>();
  for (const { account, region, eventBusName } of props.targets) {
    refuseRegionless('targets: region', region);
    const bus = `${account} ${region} ${eventBusName ?? 'default'}`;
    if (buses.has(bus)) {
      throw new Error(`targets has the bus ${eventBusName ?? 'default'} of account ${account} in ${region} twice: it would get each event`
        + ' twice');
    }
    buses.add(bus);
    if (!Token.isUnresolved(account) && !/^\d{12}$/.test(account)) {
      throw new Error(`targets: account "${account}" is none: an account has 12 digits`);
    }
    if (account === stack.account && region === stack.region && (eventBusName ?? 'default') === 'default') {
      throw new Error('targets has the default bus of this very account and region: a PostludeMigration here listens on it as it is');
    }
  }
  for (const verifier of props.verifiers ?? []) {
    if (!Token.isUnresolved(verifier) && !/^(\d{12}|arn:[^:]+:iam::\d{12}:role\/.+)$/.test(verifier)) {
      throw new Error(`verifiers: "${verifier}" is neither an account of 12 digits nor the ARN of a role`);
    }
  }
  if (props.verifyRoleName && !props.verifiers?.length) {
    throw new Error('verifyRoleName is of use with verifiers only');
  }
}
