import * as assert from 'node:assert/strict';
import { test } from 'node:test';
import { CfnOutput, CfnParameter, Duration, Stack, Stage } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as codebuild from 'aws-cdk-lib/aws-codebuild';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import { PostludeLogin, PostludeStepImage } from '../lib';
import { action, commandsOf, Pipe, project, statements } from './pipe';
import { Json, plain } from './plain';
import { ACCOUNT, REGION, TOOLS } from './stack';

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
  assert.throws(() => pipe.step({ environment: { DB_USER: 'me' } }), /DB_USER is set by the construct: leave it out/);
  assert.throws(() => pipe.step({ outputs: { DB_USER: output } }), /^Error: DB_USER is set by the construct: .* environment and outputs$/);
  assert.throws(() => pipe.step({ environment: { LEVEL: '1' }, outputs: { LEVEL: output } }), /LEVEL is in environment and in outputs/);
  assert.throws(() => pipe.step({ environment: { 'A B': '1' } }), /"A B" is no name of a variable/);
  assert.throws(() => pipe.step({ outputs: { 'X;reboot': output } }), /"X;reboot" is no name of a variable/);
});

test('a proxy\'s ARN with a name instead of its id is refused', () => {
  const proxy = 'arn:aws:rds:eu-west-3:110987654321:db-proxy';
  for (const proxyArn of [`${proxy}:orders`, `x${proxy}:prx-0a`, `${proxy}:prx-0a/migrator`]) {
    assert.throws(() => new Pipe().step({ proxyArn }), /proxyArn is .*: the id stands in it, not the name/);
  }
});

test('a time-out that CodeBuild does not have is refused', () => {
  assert.throws(() => new Pipe().step({ timeout: Duration.seconds(30) }), /timeout is not between/);
  assert.throws(() => new Pipe().step({ timeout: Duration.hours(36) }), /timeout is not between/);
  assert.throws(() => new Pipe().step({ timeout: Duration.seconds(90) }), /timeout is not in whole minutes/);
});

test('a time-out just as long as CodeBuild has it is one, and an hour is what is taken without', () => {
  const minutes = (timeout?: Duration) => {
    const pipe = new Pipe();
    return project(pipe.deploy(pipe.step({ timeout })))[1].TimeoutInMinutes;
  };
  assert.equal(minutes(Duration.minutes(1)), 6);
  assert.equal(minutes(Duration.minutes(36 * 60 - 5)), 36 * 60);
  assert.equal(minutes(), 65);
});

test('a database or a build of an account that is not known yet is within reach', () => {
  const pipe = new Pipe();
  const host = new CfnOutput(new Stack(new Stage(pipe, 'Any'), 'Data'), 'Host', { value: 'x' });
  pipe.step({ host });
  const vpc = ec2.Vpc.fromVpcAttributes(new Stack(), 'Vpc', { vpcId: 'vpc-0b', availabilityZones: ['a'], privateSubnetIds: ['subnet-0b'] });
  pipe.step({ vpc });
});

test('a database of another account is out of reach for a login by IAM, and a warning for one by a secret', () => {
  const pipe = new Pipe();
  const data = new Stack(new Stage(pipe, 'Far', { env: { account: ACCOUNT, region: REGION } }), 'Data');
  const far = new CfnOutput(data, 'Host', { value: 'x' });
  assert.throws(() => pipe.step({ host: far }),
    /^Error: the build is of account 110987654321 and the database of 210987654321, to which no login by IAM reaches/);
  const warnings = () => Annotations.fromStack(pipe).findWarning('*', Match.stringLikeRegexp('only a network that is peered')).length;
  const login = PostludeLogin.secret(secretsmanager.Secret.fromSecretNameV2(pipe, 'Secret', 'orders'));
  pipe.step({ login });
  assert.equal(warnings(), 0);
  pipe.step({ login, host: far });
  assert.equal(warnings(), 1);
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
  assert.deepEqual(Object.fromEntries(variables.map((one: Json) => [one.Name, plain(one.Value)])), {
    DB_NAME: 'orders',
    DB_PORT: '6432',
    DB_USER: 'migrator',
    LEVEL: 'info',
    PIPELINE_ACCOUNT: TOOLS,
    PIPELINE_REGION: REGION,
    PIPELINE_STAGE: 'none',
    POSTLUDE_IMAGE: `${TOOLS}.dkr.ecr.eu-west-3.amazonaws.com/orders-migrate:1.42`,
    POSTLUDE_PLAN: '/etc/postlude/orders.yaml',
  });
});

test('the build is in the subnets it is given, and without a port and a plan there are the usual ones', () => {
  const pipe = new Pipe();
  const subnets = [ec2.Subnet.fromSubnetAttributes(pipe, 'Subnet', { subnetId: 'subnet-0c', availabilityZone: 'eu-west-3a' })];
  const template = pipe.deploy(pipe.step({ subnetSelection: { subnets } }));
  const [, properties] = project(template);
  assert.deepEqual(properties.VpcConfig.Subnets, ['subnet-0c']);
  const variables = properties.Environment.EnvironmentVariables as Json[];
  assert.equal(variables.find((one) => one.Name === 'DB_PORT')!.Value, '5432');
  assert.ok(!variables.some((one) => one.Name === 'POSTLUDE_PLAN') && !commandsOf(template).join().includes('POSTLUDE_PLAN'));
});

test('a topic\'s own key may be used for it', () => {
  const pipe = new Pipe();
  const masterKey = kms.Key.fromKeyArn(pipe, 'Key', `arn:aws:kms:${REGION}:${TOOLS}:key/0a`);
  const template = pipe.deploy(pipe.step({ topic: new sns.Topic(pipe, 'Topic', { masterKey }) }));
  const use = ownStatements(template).filter((one) => one.Resource === masterKey.keyArn).flatMap((one) => one.Action);
  assert.ok(use.includes('kms:Decrypt') && use.includes('kms:GenerateDataKey'), String(use));
});

/** Those that CDK itself gives each build are left out: its log, its reports, its network, its artifacts. */
function ownStatements(template: Template): Json[] {
  const foreign = /^(logs|codebuild|s3|ec2):/;
  return statements(template).filter((one) => ![one.Action].flat().every((name) => foreign.test(name)));
}

test('a login by IAM may connect as this user, an image of ECR be pulled, and no more', () => {
  const pipe = new Pipe();
  const template = pipe.deploy(pipe.step());
  assert.deepEqual(ownStatements(template).map((one) => ({ ...one, Resource: plain(one.Resource) })), [
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

test('a proxy whose ARN is known at deployment only is named, too', () => {
  const pipe = new Pipe();
  const proxyArn = new CfnParameter(pipe, 'Proxy').valueAsString;
  const [connect] = ownStatements(pipe.deploy(pipe.step({ proxyArn })));
  assert.equal(connect.Action, 'rds-db:connect');
  assert.match(JSON.stringify(connect.Resource), /\{"Ref":"Proxy"\}.*\/migrator"\]\]\}$/);
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
  assert.match(commandsOf(template)[0], /get-login-password .*docker login .* 110987654321\.dkr\.ecr\.eu-west-3\.amazonaws\.com$/);
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
