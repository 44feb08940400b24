import { Annotations, CfnOutput, Duration, IResolvable, Stack, Token } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { confinement, containerVariables } from './container';
import { PostludeLogin } from './login';
import { proxyConnections, selectedSubnets } from './needs';
import { refuseEmpty, refuseReserved, refuseTaken } from './refusals';
import { rerunCommand, TaskLaunch } from './rerun';
import { PostludeTaskProps } from './task-props';
import { databasePort } from './variables';

/** The name of postlude's container in the task definition. */
const CONTAINER = 'postlude';

/**
 * The one-shot task that migrates a database: its definition, role, security group, log and topic.
 * What starts it is another construct's: PostludeMigration, PostludeResource.
 */
export class PostludeTask extends Construct implements ec2.IConnectable, iam.IGrantable {
  /** The task definition; its only container is postlude. */
  public readonly taskDefinition: ecs.FargateTaskDefinition;

  /** postlude's container. */
  public readonly container: ecs.ContainerDefinition;

  /** The cluster that runs the task. */
  public readonly cluster: ecs.ICluster;

  /** The role of the task, for what the plan asks of AWS besides. */
  public readonly grantPrincipal: iam.IPrincipal;

  /** The security groups of the task. */
  public readonly connections: ec2.Connections;

  /** The topic that is told. */
  public readonly topic: sns.ITopic;

  /** The key of the topic, where it is encrypted with one that is known here. */
  public readonly topicKey?: kms.IKey;

  /** The log of the task. */
  public readonly logGroup: logs.ILogGroup;

  /** The line that starts the task by hand; `<why>` and `<who>` are to be replaced. */
  public readonly rerunCommand: string;

  /** @internal */
  public readonly _launch: TaskLaunch;

  /** @internal */
  public readonly _props: PostludeTaskProps;

  public constructor(scope: Construct, id: string, props: PostludeTaskProps) {
    super(scope, id);
    refuse(props);
    this._props = props;
    refuseSameFamily(this);
    warnOfKeys(this);
    this.cluster = props.cluster;
    const securityGroup = props.securityGroup ?? new ec2.SecurityGroup(this, 'SecurityGroup', {
      vpc: props.vpc,
      description: 'postlude: to the proxy and to AWS, from nowhere',
    });
    this.connections = new ec2.Connections({ securityGroups: [securityGroup] });
    this.topicKey = props.topicKey ?? props.topic?.masterKey;
    this.topic = props.topic ?? new sns.Topic(this, 'Topic', { masterKey: this.topicKey, enforceSSL: true });
    this.logGroup = props.logGroup ?? new logs.LogGroup(this, 'Log', { retention: logs.RetentionDays.ONE_YEAR });
    this.taskDefinition = this.define(props);
    this.grantPrincipal = this.taskDefinition.taskRole;
    this._launch = {
      cluster: props.cluster.clusterName,
      taskDefinition: this.taskDefinition.family,
      container: CONTAINER,
      subnets: subnetsOf(this, props),
      securityGroups: [securityGroup.securityGroupId],
      assignPublicIp: props.assignPublicIp ?? false,
    };
    this.rerunCommand = rerunCommand(Stack.of(this), this._launch);
    this.container = this.contain(props);
    this.openProxy(props, securityGroup);
    warnOfLogin(this, props);
    new CfnOutput(this, 'Rerun', { value: this.rerunCommand, description: 'Starts the migrations by hand; replace <why> and <who>' });
  }

  /** The task definition without its revision. @internal */
  public get _familyArn(): string {
    return Stack.of(this).formatArn({ service: 'ecs', resource: 'task-definition', resourceName: this.taskDefinition.family });
  }

  /** Lets somebody start the task: on-call, or another construct. */
  public grantRun(grantee: iam.IGrantable): iam.Grant {
    const definition = this.taskDefinition;
    const cluster = { ArnEquals: { 'ecs:cluster': this.cluster.clusterArn } };
    const run = iam.Grant.addToPrincipal({
      grantee,
      actions: ['ecs:RunTask'],
      resourceArns: [this._familyArn, `${this._familyArn}:*`],
      conditions: cluster,
    });
    return run.combine(iam.Grant.addToPrincipal({
      grantee,
      actions: ['iam:PassRole'],
      resourceArns: [definition.taskRole.roleArn, definition.obtainExecutionRole().roleArn],
      conditions: { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
    }));
  }

  private define(props: PostludeTaskProps): ecs.FargateTaskDefinition {
    const stack = Stack.of(this);
    const tasks = new iam.ServicePrincipal('ecs-tasks.amazonaws.com', {
      conditions: {
        StringEquals: { 'aws:SourceAccount': stack.account },
        ArnLike: { 'aws:SourceArn': stack.formatArn({ service: 'ecs', resource: '*' }) },
      },
    });
    const role = new iam.Role(this, 'TaskRole', {
      assumedBy: tasks,
      description: 'postlude: what the migrations may ask of AWS',
    });
    PostludeLogin._bindingOf(props.login).grant(role, props.proxy);
    // Not topic.grantPublish, which allows GenerateDataKey* with a key that is known.
    iam.Grant.addToPrincipal({ grantee: role, actions: ['sns:Publish'], resourceArns: [this.topic.topicArn] });
    this.topicKey?.grant(role, 'kms:Decrypt', 'kms:GenerateDataKey');
    return new ecs.FargateTaskDefinition(this, 'Definition', {
      family: props.family,
      cpu: props.cpu ?? 256,
      memoryLimitMiB: props.memoryLimitMiB ?? 512,
      runtimePlatform: {
        cpuArchitecture: props.cpuArchitecture ?? ecs.CpuArchitecture.X86_64,
        operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
      },
      taskRole: role,
    });
  }

  private contain(props: PostludeTaskProps): ecs.ContainerDefinition {
    const login = PostludeLogin._bindingOf(props.login);
    const environment = {
      ...login.environment,
      ...containerVariables(props, this.topic),
      POSTLUDE_RERUN: this.rerunCommand,
    };
    refuseTaken(props, [...Object.keys(environment), ...Object.keys(login.secrets)]);
    return this.taskDefinition.addContainer(CONTAINER, {
      containerName: CONTAINER,
      image: props.image,
      ...confinement(this, 'Linux', props),
      stopTimeout: Duration.seconds(30),
      logging: ecs.LogDrivers.awsLogs({ streamPrefix: 'migrate', logGroup: this.logGroup, mode: ecs.AwsLogDriverMode.BLOCKING }),
      environment: { ...props.environment, ...environment },
      secrets: { ...props.secrets, ...login.secrets },
    });
  }

  private openProxy(props: PostludeTaskProps, from: ec2.ISecurityGroup): void {
    const port = ec2.Port.tcp(databasePort(props));
    const why = 'postlude runs migrations';
    const connections = proxyConnections(props);
    if (connections) {
      connections.securityGroups.forEach((group) => letIn(group, from, port, why));
    } else {
      Annotations.of(this).addError('the proxy is imported, and CDK does not hand on the security groups of its import: give '
        + 'proxySecurityGroup');
    }
  }
}

/** As Connections.allowTo, which warns of a task's group that lets out everything already. */
function letIn(proxy: ec2.ISecurityGroup, from: ec2.ISecurityGroup, port: ec2.Port, why: string): void {
  // A "remote" rule is of the task's stack, where the proxy is of another: else two stacks would need each other.
  proxy.addIngressRule(from, port, why, true);
  if (!from.allowAllOutbound) {
    from.addEgressRule(proxy, port, why);
  }
}

/** Every login at the proxy is of the other kind than the task's: PostgreSQL is never asked. */
function warnOfLogin(scope: Construct, props: PostludeTaskProps): void {
  const proxy = props.proxy.node.defaultChild;
  if (!(proxy instanceof rds.CfnDBProxy) || !Array.isArray(proxy.auth) || proxy.auth.length === 0) {
    return;
  }
  const login = PostludeLogin._bindingOf(props.login);
  const byIam = 'DB_USER' in login.environment && Object.keys(login.secrets).length === 0;
  const logins: Array<rds.CfnDBProxy.AuthFormatProperty | IResolvable> = proxy.auth;
  const isOther = logins.every((one) => 'iamAuth' in one && one.iamAuth === (byIam ? 'DISABLED' : 'REQUIRED'));
  if (isOther && !('defaultAuthScheme' in proxy && proxy.defaultAuthScheme === 'IAM_AUTH')) {
    Annotations.of(scope).addWarningV2('postlude:proxyLogin', byIam
      ? 'login is by IAM, and the proxy admits passwords only: give the DatabaseProxy iamAuth: true, or choose PostludeLogin.secret'
      : 'login is by a password, and the proxy admits IAM only (iamAuth): choose PostludeLogin.iam');
  }
}

function subnetsOf(scope: Construct, props: PostludeTaskProps): string[] {
  const subnets = selectedSubnets(props);
  if (subnets.hasPublic && !props.assignPublicIp) {
    Annotations.of(scope).addWarningV2('postlude:noPublicAddress',
      'the task is in public subnets and has no public address: it reaches ECR, CloudWatch Logs and SNS by VPC endpoints only; '
      + 'set assignPublicIp, or choose private subnets');
  }
  return subnets.subnetIds;
}

/** The family's newest revision is what is started by hand: where two write it, one of them would be started in place of the other. */
function refuseSameFamily(task: PostludeTask): void {
  const { account, region } = Stack.of(task);
  const known = ![account, region].some((value) => Token.isUnresolved(value));
  const other = task._props.family && task.node.root.node.findAll().find((one) => one instanceof PostludeTask && one !== task
    && one._props.family === task._props.family
    && (Stack.of(one) === Stack.of(task) || known && Stack.of(one).account === account && Stack.of(one).region === region));
  if (other) {
    throw new Error(`family is ${task._props.family}, and so it is of ${other.node.path} in the same account and region: a start by hand`
      + ' would take whichever was deployed last. Leave it out, or give each its own');
  }
}

/** Keys in variables come before the task's role, for postlude as for every SDK. */
function warnOfKeys(task: PostludeTask): void {
  const { environment, secrets } = task._props;
  if (environment?.AWS_ACCESS_KEY_ID !== undefined || secrets?.AWS_ACCESS_KEY_ID !== undefined) {
    Annotations.of(task).addWarningV2('postlude:StaticKeys', 'AWS_ACCESS_KEY_ID takes the place of the task role, which has the rights on '
      + 'proxy, secret and topic: leave it out, and give the role what commands need');
  }
}

function refuse(props: PostludeTaskProps): void {
  refuseReserved([...Object.keys(props.environment ?? {}), ...Object.keys(props.secrets ?? {})]);
  refuseEmpty('plan', props.plan, 'leave it out, or name the file in the image');
  refuseEmpty('databaseName', props.databaseName, 'name the database');
}
