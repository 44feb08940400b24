import * as assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { test } from 'node:test';
import { App, CfnOutput, Duration, Stack, Stage } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as codebuild from 'aws-cdk-lib/aws-codebuild';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as pipelines from 'aws-cdk-lib/pipelines';
import { PostludeLogin, PostludeStep, PostludeStepImage, PostludeStepProps } from '../lib';
import { REGION, TOOLS } from './stack';

type Json = { [key: string]: any };

/** A stage of two stacks: the data, whose outputs the step reads, and the service behind it. */
class Orders extends Stage {
  public readonly data = new Stack(this, 'Data');
  public readonly service = new Stack(this, 'Service');
  public readonly host = new CfnOutput(this.data, 'Host', { value: 'orders.proxy-0a.eu-west-3.rds.amazonaws.com' });
  public readonly image = new CfnOutput(this.data, 'Image', { value: `${TOOLS}.dkr.ecr.eu-west-3.amazonaws.com/assets:0a` });

  public constructor(scope: Stack) {
    super(scope, 'Prod', { env: { account: TOOLS, region: REGION } });
    this.service.addDependency(this.data);
  }
}

/** The pipeline's stack, and a step between the stage's stacks. */
class Pipe extends Stack {
  public readonly vpc = ec2.Vpc.fromVpcAttributes(this, 'Vpc', {
    vpcId: 'vpc-0a', availabilityZones: ['eu-west-3a'], privateSubnetIds: ['subnet-0a'], privateSubnetRouteTableIds: ['rtb-0a'],
  });
  public readonly orders = new Orders(this);
  public readonly repository = ecr.Repository.fromRepositoryName(this, 'Repository', 'orders-migrate');

  public constructor() {
    super(new App(), 'Pipe', { env: { account: TOOLS, region: REGION } });
  }

  public step(props: Partial<PostludeStepProps> = {}): PostludeStep {
    return new PostludeStep('Migrate', {
      vpc: this.vpc,
      image: PostludeStepImage.fromRepository(this.repository, '1.42'),
      host: this.orders.host,
      databaseName: 'orders',
      ...props,
    });
  }

  public deploy(step: PostludeStep): Template {
    const pipeline = new pipelines.CodePipeline(this, 'Pipeline', {
      synth: new pipelines.ShellStep('Synth', {
        input: pipelines.CodePipelineSource.connection('orders/orders', 'main', { connectionArn: 'arn:aws:codestar-connections:x' }),
        commands: ['npx cdk synth'],
      }),
    });
    pipeline.addStage(this.orders, { stackSteps: [{ stack: this.orders.data, post: [step] }] });
    return Template.fromStack(this);
  }
}

/** The project of the step, its id first. */
function project(template: Template): [string, Json] {
  const found = Object.entries(template.findResources('AWS::CodeBuild::Project'));
  const [id, { Properties: properties }] = found.find(([, one]) => /Migrate/.test(flat(one.Properties.Description)))!;
  return [id, properties];
}

/** Text with what CloudFormation puts in. */
function flat(value: any): string {
  if (typeof value === 'string') {
    return value;
  }
  if ('Fn::Join' in value) {
    return value['Fn::Join'][1].map(flat).join(value['Fn::Join'][0]);
  }
  const known: Json = { 'AWS::URLSuffix': 'amazonaws.com', 'AWS::Partition': 'aws', 'AWS::Region': REGION, 'AWS::AccountId': TOOLS };
  assert.ok(value.Ref in known, JSON.stringify(value));
  return known[value.Ref];
}

function commandsOf(template: Template): string[] {
  return JSON.parse(flat(project(template)[1].Source.BuildSpec)).phases.build.commands;
}

/** The action of the step as the pipeline has it. */
function action(template: Template): Json {
  const [pipeline] = Object.values(template.findResources('AWS::CodePipeline::Pipeline'));
  const actions = pipeline.Properties.Stages.flatMap((stage: Json) => stage.Actions) as Json[];
  return actions.find((one) => one.Name.endsWith('Migrate'))!;
}

/** What the build's role may do. */
function statements(template: Template): Json[] {
  const [, { ServiceRole: role }] = project(template);
  const [policy] = Object.values(template.findResources('AWS::IAM::Policy'))
    .filter((one) => one.Properties.Roles[0].Ref === role['Fn::GetAtt'][0]);
  return policy.Properties.PolicyDocument.Statement;
}

test('a password that ECS fills in is refused', () => {
  const pipe = new Pipe();
  const secret = secretsmanager.Secret.fromSecretNameV2(pipe, 'Secret', 'orders');
  const login = PostludeLogin.password('migrator', ecs.Secret.fromSecretsManager(secret));
  assert.throws(() => pipe.step({ login }), /login is by a password that ECS fills in, and a build has no ECS: use PostludeLogin.secret/);
});

test('variables that are the step\'s own, or that no shell has, are refused', () => {
  const pipe = new Pipe();
  const output = pipe.orders.host;
  assert.throws(() => pipe.step({ environment: { POSTLUDE_BY: 'me' } }), /POSTLUDE_BY is set by the construct/);
  assert.throws(() => pipe.step({ outputs: { DB_HOST: output } }), /DB_HOST is set by the construct/);
  assert.throws(() => pipe.step({ environment: { 'A B': '1' } }), /"A B" is no name of a variable/);
  assert.throws(() => pipe.step({ outputs: { 'X;reboot': output } }), /"X;reboot" is no name of a variable/);
});

test('a proxy\'s ARN with a name instead of its id is refused', () => {
  const proxyArn = 'arn:aws:rds:eu-west-3:110987654321:db-proxy:orders';
  assert.throws(() => new Pipe().step({ proxyArn }), /proxyArn is .*: the id stands in it, not the name/);
});

test('a time-out that CodeBuild does not have is refused', () => {
  assert.throws(() => new Pipe().step({ timeout: Duration.seconds(30) }), /timeout is not between/);
  assert.throws(() => new Pipe().step({ timeout: Duration.hours(36) }), /timeout is not between/);
  assert.throws(() => new Pipe().step({ timeout: Duration.seconds(90) }), /timeout is not in whole minutes/);
});

test('the step runs between the two stacks, with the values of the first', () => {
  const pipe = new Pipe();
  const template = pipe.deploy(pipe.step({ outputs: { REPLICA: pipe.orders.image } }));
  const [pipeline] = Object.values(template.findResources('AWS::CodePipeline::Pipeline'));
  const stage = pipeline.Properties.Stages.find((one: Json) => one.Name === 'Prod');
  const order = Object.fromEntries(stage.Actions.map((one: Json) => [one.Name, one.RunOrder]));
  assert.ok(order['Data.Deploy'] < order['Data.Migrate'] && order['Data.Migrate'] < order['Service.Prepare'], JSON.stringify(order));
  const variables = JSON.parse(action(template).Configuration.EnvironmentVariables) as { name: string; value: string }[];
  assert.deepEqual(variables.map((one) => one.name).sort(), ['DB_HOST', 'PIPELINE_EXECUTION_ID', 'REPLICA']);
  assert.equal(variables.find((one) => one.name === 'PIPELINE_EXECUTION_ID')!.value, '#{codepipeline.PipelineExecutionId}');
  assert.match(variables.find((one) => one.name === 'DB_HOST')!.value, /^#\{.*\.Host.*\}$/);
});

test('the project is in the network, may run Docker, and gets what is known beforehand', () => {
  const pipe = new Pipe();
  const group = ec2.SecurityGroup.fromSecurityGroupId(pipe, 'Group', 'sg-0a');
  const [, properties] = project(pipe.deploy(pipe.step({
    securityGroups: [group],
    plan: '/etc/postlude/orders.yaml',
    databasePort: 6432,
    environment: { LEVEL: 'info' },
    timeout: Duration.minutes(10),
  })));
  assert.equal(properties.TimeoutInMinutes, 15);
  assert.deepEqual(properties.VpcConfig, { VpcId: 'vpc-0a', Subnets: ['subnet-0a'], SecurityGroupIds: ['sg-0a'] });
  const { EnvironmentVariables: variables, ...environment } = properties.Environment;
  assert.deepEqual(environment, {
    ComputeType: 'BUILD_GENERAL1_SMALL',
    Image: 'aws/codebuild/standard:7.0',
    ImagePullCredentialsType: 'CODEBUILD',
    PrivilegedMode: true,
    Type: 'LINUX_CONTAINER',
  });
  assert.deepEqual(Object.fromEntries(variables.map((one: Json) => [one.Name, flat(one.Value)])), {
    DB_NAME: 'orders',
    DB_PORT: '6432',
    DB_USER: 'migrator',
    LEVEL: 'info',
    POSTLUDE_IMAGE: `${TOOLS}.dkr.ecr.eu-west-3.amazonaws.com/orders-migrate:1.42`,
    POSTLUDE_PLAN: '/etc/postlude/orders.yaml',
  });
});

/** Those that CDK itself gives each build are left out: its log, its reports, its network, its artifacts. */
function ownStatements(template: Template): Json[] {
  const foreign = /^(logs|codebuild|s3|ec2):/;
  return statements(template).filter((one) => ![one.Action].flat().every((name) => foreign.test(name)));
}

test('a login by IAM may connect as this user, an image of ECR be pulled, and no more', () => {
  const pipe = new Pipe();
  const template = pipe.deploy(pipe.step());
  assert.deepEqual(ownStatements(template).map((one) => ({ ...one, Resource: flat(one.Resource) })), [
    { Action: 'rds-db:connect', Effect: 'Allow', Resource: `arn:aws:rds-db:${REGION}:${TOOLS}:dbuser:prx-*/migrator` },
    {
      Action: ['ecr:BatchCheckLayerAvailability', 'ecr:GetDownloadUrlForLayer', 'ecr:BatchGetImage'],
      Effect: 'Allow',
      Resource: `arn:aws:ecr:${REGION}:${TOOLS}:repository/orders-migrate`,
    },
    { Action: 'ecr:GetAuthorizationToken', Effect: 'Allow', Resource: '*' },
  ]);
});

test('a proxy that is named narrows the right to it', () => {
  const pipe = new Pipe();
  const proxyArn = `arn:aws:rds:${REGION}:${TOOLS}:db-proxy:prx-0a1b2c`;
  const template = pipe.deploy(pipe.step({ proxyArn, image: PostludeStepImage.fromRegistry('public.ecr.aws/orders/migrate:1.42') }));
  assert.deepEqual(ownStatements(template), [
    { Action: 'rds-db:connect', Effect: 'Allow', Resource: `arn:aws:rds-db:${REGION}:${TOOLS}:dbuser:prx-0a1b2c/migrator` },
  ]);
});

test('a secret, and a topic with a key, bring their own rights', () => {
  const pipe = new Pipe();
  const key = kms.Key.fromKeyArn(pipe, 'Key', `arn:aws:kms:${REGION}:${TOOLS}:key/0a`);
  const template = pipe.deploy(pipe.step({
    login: PostludeLogin.secret(secretsmanager.Secret.fromSecretAttributes(pipe, 'Secret', {
      secretPartialArn: `arn:aws:secretsmanager:${REGION}:${TOOLS}:secret:orders`, encryptionKey: key,
    })),
    topic: sns.Topic.fromTopicArn(pipe, 'Topic', `arn:aws:sns:${REGION}:${TOOLS}:orders`),
    topicKey: key,
    image: PostludeStepImage.fromRegistry('public.ecr.aws/orders/migrate:1.42'),
  }));
  assert.deepEqual(ownStatements(template), [
    {
      Action: ['secretsmanager:GetSecretValue', 'secretsmanager:DescribeSecret'],
      Effect: 'Allow',
      Resource: `arn:aws:secretsmanager:${REGION}:${TOOLS}:secret:orders-??????`,
    },
    {
      Action: 'kms:Decrypt',
      Condition: { StringEquals: { 'kms:ViaService': `secretsmanager.${REGION}.amazonaws.com` } },
      Effect: 'Allow',
      Resource: `arn:aws:kms:${REGION}:${TOOLS}:key/0a`,
    },
    { Action: 'sns:Publish', Effect: 'Allow', Resource: `arn:aws:sns:${REGION}:${TOOLS}:orders` },
    { Action: ['kms:Decrypt', 'kms:GenerateDataKey'], Effect: 'Allow', Resource: `arn:aws:kms:${REGION}:${TOOLS}:key/0a` },
  ]);
  const variables = project(template)[1].Environment.EnvironmentVariables as Json[];
  const value = (name: string) => variables.find((one) => one.Name === name)?.Value;
  assert.equal(value('DB_SECRET_ARN'), `arn:aws:secretsmanager:${REGION}:${TOOLS}:secret:orders`);
  assert.equal(value('SNS_TOPIC_ARN'), `arn:aws:sns:${REGION}:${TOOLS}:orders`);
  assert.equal(value('POSTLUDE_REPORT_TOPIC'), value('SNS_TOPIC_ARN'));
});

test('an image that a stack names in an output is the one that is run', () => {
  const pipe = new Pipe();
  const template = pipe.deploy(pipe.step({ image: PostludeStepImage.fromOutput(pipe.orders.image, pipe.repository) }));
  const variables = JSON.parse(action(template).Configuration.EnvironmentVariables) as Json[];
  assert.match(variables.find((one) => one.name === 'POSTLUDE_IMAGE')!.value, /^#\{.*\.Image.*\}$/);
});

test('build image, file system and log are the user\'s to choose', () => {
  const pipe = new Pipe();
  const template = pipe.deploy(pipe.step({
    buildImage: codebuild.LinuxArmBuildImage.AMAZON_LINUX_2023_STANDARD_3_0,
    readonlyRootFilesystem: false,
    logging: { cloudWatch: { enabled: false } },
  }));
  assert.equal(project(template)[1].Environment.Type, 'ARM_CONTAINER');
  assert.deepEqual(project(template)[1].LogsConfig.CloudWatchLogs, { Status: 'DISABLED' });
  assert.ok(!commandsOf(template).join('\n').includes('--read-only'));
});

/** What the build's shell did: its exit code, what it said, and each call of docker and aws. */
interface Ran {
  readonly status: number | null;
  readonly stderr: string;
  readonly calls: { readonly argv: string[]; readonly env: { [name: string]: string }; readonly stdin: string }[];
}

/** Stands for docker and aws: writes down how it was called, then does as the variables say. */
const FAKE = `#!/usr/bin/env node
const fs = require('fs');
const name = require('path').basename(process.argv[1]);
const argv = [name, ...process.argv.slice(2)];
const stdin = argv[1] === 'login' ? fs.readFileSync(0, 'utf8') : '';
fs.appendFileSync(process.env.FAKE_CALLS, JSON.stringify({ argv, stdin, env: process.env }) + '\\n');
if (name === 'aws') process.stdout.write('registry-password');
if (name === 'docker' && argv[1] === 'pull') process.exit(Number(process.env.FAKE_PULL || 0));
if (name === 'docker' && argv[1] === 'login') process.exit(stdin ? 0 : 1);
if (name === 'docker' && argv[1] === 'run') {
  if (process.env.FAKE_SLEEPS) {
    process.on('SIGTERM', () => process.exit(7));
    setTimeout(() => {}, 20000);
  } else process.exit(Number(process.env.FAKE_STATUS || 0));
}
`;

const SECRET = 'hush; "quoted" $HOME `id`';
const BUILD = {
  AWS_REGION: REGION,
  AWS_DEFAULT_REGION: REGION,
  AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/credentials/0a-credential',
  CODEBUILD_INITIATOR: 'codepipeline/orders',
  CODEBUILD_BUILD_ID: 'Migrate:0a1b',
  CODEBUILD_RESOLVED_SOURCE_VERSION: 'c0ffee',
  PIPELINE_EXECUTION_ID: '5b1c7e0a-9f42-4d1e-8a63-0c2f7d9e4b18',
  POSTLUDE_IMAGE: 'orders-migrate:1.42',
  DB_HOST: 'orders.proxy-0a.eu-west-3.rds.amazonaws.com',
};

/** Runs the commands as a build does, in one shell, with what it would set. */
function run(commands: string[], env: { [name: string]: string } = {}): Ran {
  const folder = mkdtempSync(path.join(tmpdir(), 'step-'));
  try {
    for (const name of ['docker', 'aws']) {
      writeFileSync(path.join(folder, name), FAKE);
      chmodSync(path.join(folder, name), 0o755);
    }
    const log = path.join(folder, 'calls');
    writeFileSync(log, '');
    const shell = spawnSync('sh', ['-eu', '-c', commands.join('\n')], {
      env: { PATH: `${folder}:${process.env.PATH}`, FAKE_CALLS: log, ...BUILD, DB_USER: SECRET, ...env },
      encoding: 'utf8',
      timeout: 60000,
    });
    const calls = readFileSync(log, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
    return { status: shell.status, stderr: shell.stderr, calls };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function shellOf(props: Partial<PostludeStepProps> = {}): string[] {
  const pipe = new Pipe();
  return commandsOf(pipe.deploy(pipe.step(props)));
}

test('the build ends as postlude does, and 8 is no failure', () => {
  const commands = shellOf();
  for (const status of [1, 2, 3, 4, 5, 6, 7, 10, 125, 137]) {
    assert.equal(run(commands, { FAKE_STATUS: String(status) }).status, status);
  }
  const late = run(commands, { FAKE_STATUS: '8' });
  assert.equal(late.status, 0);
  assert.match(late.stderr, /the database is at the plan, and only the report is late/);
  assert.equal(run(commands).status, 0);
});

test('an image that cannot be pulled ends the build, and nothing is run', () => {
  const ran = run(shellOf(), { FAKE_PULL: '1' });
  assert.equal(ran.status, 1);
  assert.deepEqual(ran.calls.map((call) => call.argv[1]), ['ecr', 'login', 'pull']);
});

test('postlude runs without a shell, read-only, without capabilities, in the build\'s network', () => {
  const { calls } = run(shellOf({ environment: { LEVEL: 'info' }, plan: '/p.yaml' }), { LEVEL: 'info' });
  const [aws, login, pull, docker] = calls.map((call) => call.argv);
  const registry = `${TOOLS}.dkr.ecr.eu-west-3.amazonaws.com`;
  assert.deepEqual([...aws].sort(), ['aws', 'ecr', 'get-login-password', '--region', REGION].sort());
  assert.deepEqual(login, ['docker', 'login', '--username', 'AWS', '--password-stdin', registry]);
  assert.deepEqual(pull, ['docker', 'pull', '--quiet', 'orders-migrate:1.42']);
  const names = [
    'AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
    'POSTLUDE_LOG', 'POSTLUDE_BY', 'POSTLUDE_REASON', 'POSTLUDE_RERUN',
    'LEVEL', 'DB_PORT', 'DB_NAME', 'POSTLUDE_PLAN', 'DB_USER', 'DB_HOST',
  ];
  assert.deepEqual(docker, [
    'docker', 'run', '--rm', '--pull', 'never', '--network', 'host', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges',
    '--read-only', ...names.flatMap((name) => ['--env', name]), 'orders-migrate:1.42', 'run',
  ]);
});

test('no value stands on a command line, and each is in the environment as it was', () => {
  const { calls } = run(shellOf());
  const line = calls.map((call) => call.argv.join(' ')).join('\n');
  for (const value of [SECRET, 'registry-password', BUILD.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, BUILD.DB_HOST]) {
    assert.ok(!line.includes(value), value);
  }
  const { env } = calls.find((call) => call.argv[1] === 'run')!;
  assert.equal(env.DB_USER, SECRET);
  assert.equal(env.POSTLUDE_LOG, 'text');
  assert.equal(env.POSTLUDE_BY, 'codepipeline/orders');
  assert.equal(env.POSTLUDE_REASON, 'execution 5b1c7e0a-9f42-4d1e-8a63-0c2f7d9e4b18, build Migrate:0a1b, commit c0ffee');
  assert.equal(env.POSTLUDE_RERUN, 'aws codepipeline retry-stage-execution --region eu-west-3 --pipeline-name orders --stage-name <stage>'
    + ' --pipeline-execution-id 5b1c7e0a-9f42-4d1e-8a63-0c2f7d9e4b18 --retry-mode FAILED_ACTIONS');
});

test('a commit that CodeBuild does not know is left out', () => {
  const commands = shellOf();
  const { calls } = run(commands, { CODEBUILD_RESOLVED_SOURCE_VERSION: '' });
  const { env } = calls.find((call) => call.argv[1] === 'run')!;
  assert.equal(env.POSTLUDE_REASON, 'execution 5b1c7e0a-9f42-4d1e-8a63-0c2f7d9e4b18, build Migrate:0a1b');
});

test('a run whose time is over is told to stop, and says so itself', () => {
  const commands = shellOf({ timeout: Duration.minutes(1) });
  assert.equal(commands.filter((command) => command.includes('--kill-after=60 60 docker run')).length, 1);
  const hurried = commands.map((command) => command.replace('--kill-after=60 60', '--kill-after=20 1'));
  assert.equal(run(hurried, { FAKE_SLEEPS: '1' }).status, 7);
});

test('an image of a public registry needs no login', () => {
  const { status, calls } = run(shellOf({ image: PostludeStepImage.fromRegistry('orders-migrate:1.42') }));
  assert.equal(status, 0);
  assert.deepEqual(calls.map((call) => call.argv[1]), ['pull', 'run']);
});
