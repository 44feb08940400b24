import * as assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { App, CfnParameter, Duration, Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import { PostludeMessageFormat, PostludeResource, PostludeResourceProps } from '../lib';
import { dependencies, ids, migrations } from './inside';
import { fixture } from './stack';

const arn = (rest: string) => ({ 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, rest]] });
const attribute = (id: string, name: string) => ({ 'Fn::GetAtt': [id, name] });

test('a time-out that CloudFormation does not have is refused', () => {
  for (const timeout of [Duration.seconds(59), Duration.minutes(61)]) {
    assert.throws(() => migrations(fixture(), { timeout }), /timeout is not between 1 and 60 minutes/);
  }
  [Duration.minutes(1), Duration.minutes(60)].forEach((timeout) => migrations(fixture(), { timeout }));
});

test('an empty digest is refused', () => {
  assert.throws(() => migrations(fixture(), { digest: ' ' }), /digest is empty: leave it out/);
});

test('a variable in environment and in secrets is refused, of those for the pipeline\'s plan, too', () => {
  const parameter = ssm.StringParameter.fromStringParameterName(new Stack(), 'Stage', 'stage');
  for (const name of ['PIPELINE_STAGE', 'LEVEL']) {
    const given = { environment: { [name]: 'x' }, secrets: { [name]: ecs.Secret.fromSsmParameter(parameter) } };
    assert.throws(() => migrations(fixture(), given), new RegExp(`^Error: ${name} is in environment and in secrets`));
  }
});

test('an image of the same name after each build is warned of, unless a digest tells them apart', () => {
  const warnedOf = (image: (stack: Stack) => ecs.ContainerImage, digest?: string) => {
    const f = fixture();
    migrations(f, { image: image(f.stack), digest });
    return Annotations.fromStack(f.stack).findWarning('*', Match.stringLikeRegexp('has the same name after each build')).length > 0;
  };
  const warned = (name: string, digest?: string) => warnedOf(() => ecs.ContainerImage.fromRegistry(name), digest);
  assert.equal(warned('orders-migrate'), true);
  assert.equal(warned('registry.example:5000/orders-migrate'), true);
  assert.equal(warned('registry.example:5000/orders-migrate:latest'), true);
  const ofRepository = (tag?: string) => (stack: Stack) => (
    ecs.ContainerImage.fromEcrRepository(ecr.Repository.fromRepositoryName(stack, 'Repository', 'orders-migrate'), tag));
  assert.equal(warnedOf(ofRepository()), true);
  assert.equal(warnedOf(ofRepository(), 'ab12'), false);
  assert.equal(warnedOf(ofRepository('1.42')), false);
  assert.equal(warnedOf((stack) => ecs.ContainerImage.fromRegistry(new CfnParameter(stack, 'Image').valueAsString)), false);
  assert.equal(warned('orders-migrate', 'ab12'), false);
  assert.equal(warned('orders-migrate:1.42'), false);
  assert.equal(warned('registry.example:5000/orders-migrate@sha256:0a'), false);
});

test('the resource names the revision of the task definition, and nothing more than is needed', () => {
  const f = fixture();
  migrations(f);
  const template = Template.fromStack(f.stack);
  const [starter] = ids(template, 'AWS::Lambda::Function', 'MigrationsStarter');
  const [definition] = ids(template, 'AWS::ECS::TaskDefinition', 'Migrations');
  const [resource] = Object.values(template.findResources('Custom::PostludeMigrations'));
  assert.deepEqual(resource.Properties, {
    ServiceToken: attribute(starter, 'Arn'),
    ServiceTimeout: '3600',
    TaskDefinition: { Ref: definition },
  });
});

test('digest and time-out go into the resource, and bound the function', () => {
  const f = fixture();
  migrations(f, { digest: 'ab12', timeout: Duration.minutes(5) });
  const template = Template.fromStack(f.stack);
  template.hasResourceProperties('Custom::PostludeMigrations', { Digest: 'ab12', ServiceTimeout: '300' });
  template.hasResourceProperties('AWS::Lambda::Function', { Timeout: 300 });
  template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', { MaximumEventAgeInSeconds: 300 });
});

test('the function is the shipped program, in the template, with what RunTask wants', () => {
  const f = fixture();
  migrations(f);
  const template = Template.fromStack(f.stack);
  const program = readFileSync(path.join(__dirname, '..', '..', 'lambda', 'start.py'), 'utf8');
  const [starter] = Object.values(template.findResources('AWS::Lambda::Function'));
  const properties = starter.Properties;
  const [group] = ids(template, 'AWS::EC2::SecurityGroup', 'MigrationsTask');
  const subnets = f.vpc.privateSubnets.map((subnet) => f.stack.resolve(subnet.subnetId));
  assert.deepEqual(properties, {
    Code: { ZipFile: program },
    Description: 'Starts the migrations of a stack, and answers it when they cannot',
    Environment: {
      Variables: {
        CONTAINER: 'postlude',
        TIMEOUT: '3600',
        RUN_TASK: {
          'Fn::Join': ['', [
            '{"cluster":"', { Ref: ids(template, 'AWS::ECS::Cluster')[0] },
            '","launchType":"FARGATE","networkConfiguration":{"awsvpcConfiguration":{"subnets":["', subnets[0], '","', subnets[1],
            '"],"securityGroups":["', attribute(group, 'GroupId'), '"],"assignPublicIp":"DISABLED"}}}',
          ]],
        },
      },
    },
    Handler: 'index.handler',
    LoggingConfig: { LogGroup: { Ref: ids(template, 'AWS::Logs::LogGroup', 'MigrationsStarterLog')[0] } },
    MemorySize: 256,
    Role: attribute(ids(template, 'AWS::IAM::Role', 'MigrationsStarterRole')[0], 'Arn'),
    Runtime: 'python3.13',
    Timeout: 600,
  });
});

test('the function may start this family in this cluster, look at its tasks, log, and no more', () => {
  const f = fixture();
  const family = migrations(f, { family: 'orders-migrate' }).task.taskDefinition.family;
  const template = Template.fromStack(f.stack);
  const roles = ids(template, 'AWS::IAM::Role', 'MigrationsTask').sort();
  const [cluster] = ids(template, 'AWS::ECS::Cluster');
  const inCluster = { ArnEquals: { 'ecs:cluster': attribute(cluster, 'Arn') } };
  const [policy] = Object.entries(template.findResources('AWS::IAM::Policy')).filter(([id]) => id.startsWith('MigrationsStarter'));
  assert.deepEqual(policy[1].Properties.PolicyDocument.Statement, [
    {
      Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      Effect: 'Allow',
      Resource: attribute(ids(template, 'AWS::Logs::LogGroup', 'MigrationsStarterLog')[0], 'Arn'),
    },
    {
      Action: 'ecs:RunTask',
      Condition: inCluster,
      Effect: 'Allow',
      Resource: ['', ':*'].map((end) => arn(`:ecs:eu-west-3:210987654321:task-definition/${family}${end}`)),
    },
    {
      Action: 'iam:PassRole',
      Condition: { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
      Effect: 'Allow',
      Resource: roles.reverse().map((role) => attribute(role, 'Arn')),
    },
    {
      Action: 'ecs:DescribeTasks',
      Condition: inCluster,
      Effect: 'Allow',
      Resource: { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':ecs:eu-west-3:210987654321:task/', { Ref: cluster }, '/*']] },
    },
  ]);
  const [role] = Object.entries(template.findResources('AWS::IAM::Role')).filter(([id]) => id.startsWith('MigrationsStarterRole'));
  assert.equal(role[1].Properties.ManagedPolicyArns, undefined);
  assert.deepEqual(role[1].Properties.AssumeRolePolicyDocument.Statement, [
    { Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' } },
  ]);
  const [log] = ids(template, 'AWS::Logs::LogGroup', 'MigrationsStarterLog');
  assert.equal(template.findResources('AWS::Logs::LogGroup')[log].Properties.RetentionInDays, 365);
});

test('the function is told when a task that a stack started has ended', () => {
  const f = fixture();
  migrations(f, { family: 'orders-migrate' });
  const template = Template.fromStack(f.stack);
  const [starter] = ids(template, 'AWS::Lambda::Function');
  const [id] = ids(template, 'AWS::Events::Rule', 'MigrationsEnded');
  const rule = template.findResources('AWS::Events::Rule')[id];
  assert.deepEqual(rule.Properties, {
    Description: 'postlude: a task that a stack waits for has ended',
    EventPattern: {
      source: ['aws.ecs'],
      'detail-type': ['ECS Task State Change'],
      detail: {
        clusterArn: [attribute(ids(template, 'AWS::ECS::Cluster')[0], 'Arn')],
        taskDefinitionArn: [{ prefix: arn(':ecs:eu-west-3:210987654321:task-definition/orders-migrate:') }],
        lastStatus: ['STOPPED'],
        startedBy: [{ prefix: 'cloudformation/' }],
      },
    },
    State: 'ENABLED',
    Targets: [{ Arn: attribute(starter, 'Arn'), Id: 'Target0' }],
  });
  template.hasResourceProperties('AWS::Lambda::Permission', {
    Action: 'lambda:InvokeFunction',
    FunctionName: attribute(starter, 'Arn'),
    Principal: 'events.amazonaws.com',
    SourceArn: attribute(id, 'Arn'),
  });
  assert.match(readFileSync(path.join(__dirname, '..', '..', 'lambda', 'start.py'), 'utf8'), /STARTED_BY = "cloudformation\/"/);
});

test('the plan of a migration behind a pipeline finds its variables here, too', () => {
  const variables = (props: Partial<PostludeResourceProps>) => {
    const f = fixture();
    migrations(f, props);
    const [definition] = Object.values(Template.fromStack(f.stack).findResources('AWS::ECS::TaskDefinition'));
    const list = definition.Properties.ContainerDefinitions[0].Environment as { Name: string; Value: unknown }[];
    return Object.fromEntries(list.filter((one) => one.Name.startsWith('PIPELINE_')).map((one) => [one.Name, one.Value]));
  };
  const none = { PIPELINE_NAME: 'none', PIPELINE_STAGE: 'none', PIPELINE_ACCOUNT: '210987654321', PIPELINE_REGION: 'eu-west-3' };
  assert.deepEqual(variables({}), none);
  assert.deepEqual(variables({ environment: { PIPELINE_NAME: 'orders' } }), { ...none, PIPELINE_NAME: 'orders' });
  const { PIPELINE_STAGE, ...others } = none;
  const parameter = ssm.StringParameter.fromStringParameterName(new Stack(), 'Stage', 'stage');
  assert.equal(PIPELINE_STAGE, 'none');
  assert.deepEqual(variables({ secrets: { PIPELINE_STAGE: ecs.Secret.fromSsmParameter(parameter) } }), others);
});

test('it makes one of each, the watch, and nothing else', () => {
  const f = fixture();
  const before = new Map<string, number>();
  const count = (template: Template) => {
    const found = new Map<string, number>();
    Object.entries(template.toJSON().Resources as { [id: string]: { Type: string } })
      .filter(([id]) => !id.startsWith('MigrationsWatch'))
      .forEach(([, { Type }]) => found.set(Type, (found.get(Type) ?? 0) + 1));
    return found;
  };
  count(Template.fromStack(fixture().stack)).forEach((n, type) => before.set(type, n));
  migrations(f);
  const made = [...count(Template.fromStack(f.stack))].map(([type, n]) => [type, n - (before.get(type) ?? 0)]).filter(([, n]) => n !== 0);
  assert.deepEqual(Object.fromEntries(made), {
    'AWS::CloudWatch::Alarm': 1,
    'AWS::EC2::SecurityGroup': 1,
    'AWS::EC2::SecurityGroupIngress': 1,
    'AWS::ECS::TaskDefinition': 1,
    'AWS::Events::Rule': 1,
    'AWS::IAM::Policy': 3,
    'AWS::IAM::Role': 3,
    'AWS::Lambda::EventInvokeConfig': 1,
    'AWS::Lambda::Function': 1,
    'AWS::Lambda::Permission': 1,
    'AWS::Logs::LogGroup': 2,
    'AWS::SNS::Topic': 1,
    'AWS::SNS::TopicPolicy': 1,
    'Custom::PostludeMigrations': 1,
  });
});

test('a watch tells the topic what the task cannot, from the first run on', () => {
  const f = fixture();
  migrations(f, { watchFormat: PostludeMessageFormat.CHAT });
  const template = Template.fromStack(f.stack);
  const rules = Object.entries(template.findResources('AWS::Events::Rule')).filter(([id]) => id.startsWith('MigrationsWatch'));
  assert.ok(rules.length > 0);
  // None of what only answers the stack, which fails then anyway; but of the function, whose failing leaves it without an answer.
  assert.equal(ids(template, 'AWS::CloudWatch::Alarm').length, 2);
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    Namespace: 'AWS/Lambda',
    MetricName: 'Errors',
    Dimensions: [{ Name: 'FunctionName', Value: { Ref: ids(template, 'AWS::Lambda::Function', 'MigrationsStarter')[0] } }],
    Statistic: 'Sum',
    Period: 60,
    EvaluationPeriods: 1,
    ComparisonOperator: 'GreaterThanThreshold',
    Threshold: 0,
    AlarmDescription: Match.stringLikeRegexp('^postlude .*: the function that starts the migrations of a stack failed'),
    AlarmActions: [{ Ref: ids(template, 'AWS::SNS::Topic')[0] }],
  });
  for (const [id, rule] of rules) {
    assert.deepEqual(rule.Properties.Targets[0].Arn, { Ref: ids(template, 'AWS::SNS::Topic', 'MigrationsTask')[0] });
    assert.match(JSON.stringify(rule.Properties.Targets[0].InputTransformer), /client-markdown/);
    assert.ok(dependencies(template).includes(id), id);
  }
});

test('a network, a cluster and a proxy that are imported do', () => {
  const f = fixture();
  const stack = new Stack(new App(), 'Orders');
  new PostludeResource(stack, 'Migrations', {
    vpc: ec2.Vpc.fromVpcAttributes(stack, 'Vpc', {
      vpcId: 'vpc-0a', availabilityZones: ['eu-west-3a'], privateSubnetIds: ['subnet-0a'], privateSubnetRouteTableIds: ['rtb-0a'],
    }),
    cluster: ecs.Cluster.fromClusterAttributes(stack, 'Cluster', {
      clusterName: 'main',
      vpc: ec2.Vpc.fromVpcAttributes(stack, 'Same', { vpcId: 'vpc-0a', availabilityZones: ['eu-west-3a'] }),
      securityGroups: [],
    }),
    proxy: proxyOf(stack),
    proxySecurityGroup: ec2.SecurityGroup.fromSecurityGroupId(stack, 'ProxyGroup', 'sg-0a'),
    databaseName: 'orders',
    image: f.image,
  });
  const template = Template.fromStack(stack);
  assert.ok(dependencies(template).includes(ids(template, 'AWS::EC2::SecurityGroupIngress', 'ProxyGroup')[0]));
});

function proxyOf(stack: Stack) {
  return rds.DatabaseProxy.fromDatabaseProxyAttributes(stack, 'Proxy', {
    dbProxyArn: 'arn:aws:rds:eu-west-3:210987654321:db-proxy:prx-0a',
    dbProxyName: 'orders',
    endpoint: 'orders.proxy-0a.eu-west-3.rds.amazonaws.com',
    securityGroups: [],
  });
}

test('what the run came to can be read', () => {
  const f = fixture();
  const resource = migrations(f);
  const [id] = ids(Template.fromStack(f.stack), 'Custom::PostludeMigrations');
  const read = [resource.outcome, resource.runId, resource.applied, resource.alreadyApplied, resource.pending];
  assert.deepEqual(read.map((value) => f.stack.resolve(value)),
    ['Outcome', 'RunId', 'Applied', 'AlreadyApplied', 'Pending'].map((name) => attribute(id, name)));
});
