import { Annotations, Arn, ArnFormat, Aws, CfnOutput, Duration, Stack, Token } from 'aws-cdk-lib';
import * as codebuild from 'aws-cdk-lib/aws-codebuild';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as pipelines from 'aws-cdk-lib/pipelines';
import { DependencyGroup } from 'constructs';
import { commands, EXECUTION } from './commands';
import { PostludeStepImage } from './image';
import { LoginDoor, PostludeLogin } from './login';
import { refuseReserved, refuseUnshellable } from './refusals';
import { planVariables, withoutPipeline } from './variables';

/** Beyond postlude's own time: for the start of the build, the image, and the end of a run that is stopped. */
const MARGIN = Duration.minutes(5);

/** What a build step that migrates a database is made of. */
export interface PostludeStepProps {
  /**
   * The network of the build: one of the pipeline's account and region, from which the proxy can be
   * reached. An RDS Proxy has no public address, and a pipeline's build cannot be put into another
   * account's network: for a database there use PostludeResource or PostludeMigration, or peer the
   * networks.
   */
  readonly vpc: ec2.IVpc;

  /**
   * The subnets of the build. A build gets no public address: it needs NAT, or VPC endpoints for
   * S3, CloudWatch Logs, CodeBuild, ECR, STS and what the plan asks of AWS.
   *
   * @default - the private subnets
   */
  readonly subnetSelection?: ec2.SubnetSelection;

  /**
   * The security groups of the build, which the proxy's group has to let in: open it in the stack
   * that holds the proxy, by the group's id.
   *
   * @default - a new one that lets out everything and in nothing; the proxy lets in the subnets' addresses
   */
  readonly securityGroups?: ec2.ISecurityGroup[];

  /** The image that holds postlude, the plan and its migrations. */
  readonly image: PostludeStepImage;

  /**
   * The output that holds the proxy's endpoint, of a stack that is deployed before the step; the
   * plan says `host: ${DB_HOST}`.
   */
  readonly host: CfnOutput;

  /**
   * The port of the proxy; the plan says `port: ${DB_PORT}`.
   *
   * @default 5432
   */
  readonly databasePort?: number;

  /** The database; the plan says `name: ${DB_NAME}`. */
  readonly databaseName: string;

  /**
   * How postlude logs in: PostludeLogin.iam, or PostludeLogin.secret with a secret that is imported
   * in the pipeline's stack (`Secret.fromSecretNameV2`). A password that ECS fills in is none: there
   * is no ECS here.
   *
   * @default - PostludeLogin.iam('migrator')
   */
  readonly login?: PostludeLogin;

  /**
   * The proxy's ARN, for a login by IAM. The proxy is of a stack that the pipeline has still to make,
   * so that its id may not be known.
   *
   * @default - any proxy of the pipeline's account and region, as this user and as no other
   */
  readonly proxyArn?: string;

  /**
   * The topic that is told of each outcome; the plan says `topic: ${SNS_TOPIC_ARN}`, which is empty
   * where there is none.
   *
   * @default - none: the build's log and the ledger have it
   */
  readonly topic?: sns.ITopic;

  /**
   * The key of an encrypted topic.
   *
   * @default - the topic's own, where CDK knows it
   */
  readonly topicKey?: kms.IKey;

  /**
   * Where the plan lies in the image.
   *
   * @default - postlude.yaml in the working directory, then /etc/postlude/postlude.yaml
   */
  readonly plan?: string;

  /**
   * More variables for the plan, of which the values are known here. They stand in the project for
   * everybody who may look at it: no secrets.
   *
   * @default - none
   */
  readonly environment?: { [name: string]: string };

  /**
   * More variables for the plan, from outputs of stacks that are deployed before the step.
   *
   * @default - none
   */
  readonly outputs?: { [name: string]: CfnOutput };

  /**
   * How long a run may take. Then it is told to stop, as by ECS: it rolls back what runs, says so, and
   * the step fails. The build itself gets five minutes more.
   *
   * @default Duration.hours(1)
   */
  readonly timeout?: Duration;

  /**
   * The image of the build, which has to have Docker and the AWS CLI. An image of postlude that was
   * built for arm64 wants `LinuxArmBuildImage.AMAZON_LINUX_2023_STANDARD_3_0`.
   *
   * @default codebuild.LinuxBuildImage.STANDARD_7_0
   */
  readonly buildImage?: codebuild.IBuildImage;

  /**
   * A root file system that cannot be written. postlude needs no writable folder; `command:` steps
   * may.
   *
   * @default true
   */
  readonly readonlyRootFilesystem?: boolean;

  /**
   * Where the build logs to.
   *
   * @default - CodeBuild's own log group
   */
  readonly logging?: codebuild.LoggingOptions;
}

/**
 * Migrations between two stacks of a pipeline, way 2: a build step in the pipeline's network runs
 * postlude, and the pipeline stops when it fails.
 *
 *     prod.service.addDependency(prod.data);
 *     pipeline.addStage(prod, { stackSteps: [{ stack: prod.data, post: [migrate] }] });
 *
 * runs it after the stack with the database and before those that depend on it: stacks that do not
 * are deployed at the same time. `post` of `addStage` runs it after the whole stage, which is after
 * the code.
 *
 * A failed migration fails the step: what stands before it is applied, the stacks behind are not
 * deployed, nothing is rolled back. Mend it, or retry the stage: a run goes on where the last one
 * ended. Exit code 8 is no failure: the database is at the plan, and only the report is late.
 *
 * The image has no shell, so the build runs it in Docker (`privileged`), read-only and without
 * capabilities, in the build's own network and with the credentials of its role.
 *
 * CodeBuild documents no notice to what runs in a build that is stopped by hand: then the run may be
 * killed outright, and the next one finds out what became of it.
 */
export class PostludeStep extends pipelines.CodeBuildStep {
  public constructor(id: string, props: PostludeStepProps) {
    super(id, stepProps(props));
  }
}

function stepProps(props: PostludeStepProps): pipelines.CodeBuildStepProps {
  const timeout = timeoutOf(props);
  const login = PostludeLogin._bindingOf(props.login);
  const image = props.image._bind();
  const rights = new Rights(Stack.of(props.vpc).account);
  const given = [...Object.keys(props.environment ?? {}), ...Object.keys(props.outputs ?? {})];
  refuseReserved(given);
  refuseUnshellable(given);
  refuseTwice(given, Object.keys(login.environment));
  refuseOtherAccount(props, 'DB_USER' in login.environment);
  if (Object.keys(login.secrets).length > 0) {
    throw new Error('login is by a password that ECS fills in, and a build has no ECS: use PostludeLogin.secret or PostludeLogin.iam');
  }
  login.grant(rights, doorOf(props));
  image.grant(rights);
  props.topic?.grantPublish(rights);
  (props.topicKey ?? props.topic?.masterKey)?.grant(rights, 'kms:Decrypt', 'kms:GenerateDataKey');
  const outputs = { ...props.outputs, DB_HOST: props.host };
  const plan = Object.fromEntries(Object.entries({ ...variablesOf(props), ...login.environment }).filter(([name]) => !(name in outputs)));
  return {
    commands: commands({
      variables: [...Object.keys(plan), ...Object.keys(outputs)],
      registry: image.repository && { uri: image.repository.registryUri, region: image.repository.env.region },
      seconds: timeout.toSeconds(),
      readOnly: props.readonlyRootFilesystem ?? true,
    }),
    env: { ...plan, ...image.environment, [EXECUTION]: '#{codepipeline.PipelineExecutionId}' },
    envFromCfnOutputs: { ...outputs, ...image.outputs },
    vpc: props.vpc,
    subnetSelection: props.subnetSelection,
    securityGroups: props.securityGroups,
    buildEnvironment: { buildImage: props.buildImage ?? codebuild.LinuxBuildImage.STANDARD_7_0, privileged: true },
    rolePolicyStatements: rights.statements,
    timeout: timeout.plus(MARGIN),
    logging: props.logging,
  };
}

function variablesOf(props: PostludeStepProps): { [name: string]: string } {
  const { account, region } = Stack.of(props.vpc);
  return {
    ...withoutPipeline(account, region),
    ...props.environment,
    ...planVariables(props, props.topic),
  };
}

/** One of the two would have no effect. */
function refuseTwice(given: string[], own: string[]): void {
  const taken = given.find((name) => own.includes(name));
  if (taken !== undefined) {
    throw new Error(`${taken} is set by the construct: leave it out of environment and outputs`);
  }
  const twice = given.find((name, at) => given.indexOf(name) !== at);
  if (twice !== undefined) {
    throw new Error(`${twice} is in environment and in outputs: a build takes a name once`);
  }
}

/** CodeBuild stops a build after 36 hours. */
function timeoutOf(props: PostludeStepProps): Duration {
  const timeout = props.timeout ?? Duration.hours(1);
  if (timeout.toSeconds() < 60 || timeout.plus(MARGIN).toSeconds() > Duration.hours(36).toSeconds()) {
    throw new Error('timeout is not between a minute and what CodeBuild allows, 36 hours less five minutes');
  }
  if (timeout.toSeconds() % 60 !== 0) {
    throw new Error('timeout is not in whole minutes, as CodeBuild counts them');
  }
  return timeout;
}

/** A build of one account, a database of another. */
function refuseOtherAccount(props: PostludeStepProps, byIam: boolean): void {
  const [here, there] = [Stack.of(props.vpc).account, Stack.of(props.host).account];
  if (Token.isUnresolved(here) || Token.isUnresolved(there) || here === there) {
    return;
  }
  const what = `the build is of account ${here} and the database of ${there}`;
  if (byIam) {
    throw new Error(`${what}, to which no login by IAM reaches: use PostludeResource or PostludeMigration there, or PostludeLogin.secret`);
  }
  Annotations.of(props.vpc).addWarningV2('postlude:OtherAccount', `${what}: only a network that is peered with the proxy's reaches it, `
    + 'and the policies of secret, key and topic there have to admit the build. PostludeResource and PostludeMigration run where the '
    + 'database is');
}

/** The proxy, as far as the right to connect through it goes. */
function doorOf(props: PostludeStepProps): LoginDoor {
  const arn = props.proxyArn;
  if (arn !== undefined && !Token.isUnresolved(arn) && !/^arn:[^:]+:rds:[^:]+:[0-9]+:db-proxy:prx-[0-9a-z]+$/.test(arn)) {
    throw new Error(`proxyArn is ${arn}, and not arn:PARTITION:rds:REGION:ACCOUNT:db-proxy:prx-...: the id stands in it, not the name`);
  }
  const any = `arn:${Aws.PARTITION}:rds:${Stack.of(props.host).region}:${Stack.of(props.host).account}:db-proxy:prx-*`;
  const proxy = Arn.split(arn ?? any, ArnFormat.COLON_RESOURCE_NAME);
  return {
    grantConnect: (grantee, user) => iam.Grant.addToPrincipal({
      grantee,
      actions: ['rds-db:connect'],
      resourceArns: [Arn.format({ ...proxy, service: 'rds-db', resource: 'dbuser', resourceName: `${proxy.resourceName}/${user}` })],
    }),
  };
}

/**
 * Keeps what it is granted: the build's role is not there until the pipeline is built. To what lies in
 * another account it is its own account.
 */
class Rights implements iam.IPrincipal {
  public readonly statements: iam.PolicyStatement[] = [];
  public readonly grantPrincipal: iam.IPrincipal = this;
  public readonly assumeRoleAction = 'sts:AssumeRole';

  public constructor(public readonly principalAccount: string) {}

  public get policyFragment(): iam.PrincipalPolicyFragment {
    return new iam.AccountPrincipal(this.principalAccount).policyFragment;
  }

  public addToPolicy(statement: iam.PolicyStatement): boolean {
    return this.addToPrincipalPolicy(statement).statementAdded;
  }

  public addToPrincipalPolicy(statement: iam.PolicyStatement): iam.AddToPrincipalPolicyResult {
    this.statements.push(statement);
    return { statementAdded: true, policyDependable: new DependencyGroup() };
  }
}
