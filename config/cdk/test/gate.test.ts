import * as assert from 'node:assert/strict';
import { test } from 'node:test';
import { CfnParameter, Duration, Token } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { PostludeGateProps, PostludeLogin, PostludeMigration, PostludeResource, PostludeResourceProps } from '../lib';
import { Fixture, fixture } from './stack';

const GATE: PostludeGateProps = { login: PostludeLogin.iam('orders_gate') };

function service(props: Partial<PostludeResourceProps> = {}, f: Fixture = fixture()) {
  const migrations = new PostludeResource(f.stack, 'Migrations', { ...f, databaseName: 'orders', ...props });
  const definition = new ecs.FargateTaskDefinition(f.stack, 'Service');
  const container = definition.addContainer('app', { image: ecs.ContainerImage.fromRegistry('orders:1.42') });
  return { ...f, migrations, definition, container };
}

/** The containers of the service's task definition, by name. */
function containers(template: Template) {
  const [found] = Object.entries(template.findResources('AWS::ECS::TaskDefinition')).filter(([id]) => id.startsWith('Service'));
  const list = found[1].Properties.ContainerDefinitions as { Name: string; [key: string]: any }[];
  return new Map(list.map((one) => [one.Name, one]));
}

function variables(container: { [key: string]: any }): { [name: string]: unknown } {
  return Object.fromEntries(container.Environment.map((one: { Name: string; Value: unknown }) => [one.Name, one.Value]));
}

/** A service, and migrations that a pipeline's event starts: that of a stage, or without one the pipeline's own. */
function behindPipeline(stage?: string) {
  const f = fixture();
  const migrations = new PostludeMigration(f.stack, 'Migrations', { ...f, databaseName: 'orders', pipelineName: 'orders', stage });
  const definition = new ecs.FargateTaskDefinition(f.stack, 'Service');
  const container = definition.addContainer('app', { image: ecs.ContainerImage.fromRegistry('orders:1.42') });
  return { ...f, migrations, container };
}

test('a gate behind the pipeline\'s own success, or that of the service\'s stage, is refused: it would wait for itself', () => {
  for (const [stage, message] of [
    [undefined, /^a gate would wait for itself: .* the success of the whole pipeline, .* Start them in an earlier stage \(stage\), or/],
    ['Prod', /^a gate would wait for itself: .* the success of stage Prod, .* an earlier stage than serviceStage, or inside the stack/],
  ] as const) {
    const { stack, migrations, container } = behindPipeline(stage);
    assert.throws(() => migrations.addGate(container, { ...GATE, serviceStage: 'Prod' }), { message });
    assert.deepEqual([...containers(Template.fromStack(stack)).keys()], ['app']);
  }
});

test('a gate behind an earlier stage\'s success is one', () => {
  const { stack, migrations, container } = behindPipeline('Migrate');
  const gate = migrations.addGate(container, { ...GATE, serviceStage: 'Prod' });
  const made = containers(Template.fromStack(stack));
  assert.equal(gate.containerName, 'migrated');
  assert.deepEqual(made.get('app')!.DependsOn, [{ ContainerName: 'migrated', Condition: 'SUCCESS' }]);
  assert.deepEqual(made.get('migrated')!.Command, ['check', '--wait', '300s']);
});

test('a gate in the task that migrates is refused', () => {
  const { migrations } = service();
  assert.throws(() => migrations.addGate(migrations.task.container, GATE), /is the task that migrates: a gate in it would wait for itself/);
});

test('a second gate is refused', () => {
  const { migrations, container } = service();
  migrations.addGate(container, GATE);
  assert.throws(() => migrations.addGate(container, GATE), /has a container named migrated already/);
});

test('a wait of nothing is refused', () => {
  const { migrations, container } = service();
  assert.throws(() => migrations.addGate(container, { ...GATE, wait: Duration.seconds(0) }), /wait is shorter than a second/);
});

test('a wait of a second, or one that is known at deployment only, is one', () => {
  const f = fixture();
  const later = new CfnParameter(f.stack, 'Wait', { type: 'Number' }).valueAsNumber;
  const waiting = (wait: Duration) => {
    const { stack, migrations, container } = service({}, f);
    migrations.addGate(container, { ...GATE, wait });
    return containers(Template.fromStack(stack)).get('migrated')!.Command;
  };
  assert.deepEqual(waiting(Duration.seconds(later)), ['check', '--wait', { 'Fn::Join': ['', [{ Ref: 'Wait' }, 's']] }]);
  const { migrations, container } = service();
  migrations.addGate(container, { ...GATE, wait: Duration.seconds(1) });
});

test('the gate is a container of the migrations\' image, not essential, that waits five minutes', () => {
  const { stack, migrations, container } = service({ plan: '/etc/postlude/orders.yaml', user: '33:33' });
  migrations.addGate(container, GATE);
  const template = Template.fromStack(stack);
  const { Environment: environment, ...gate } = containers(template).get('migrated')!;
  const [log] = Object.keys(template.findResources('AWS::Logs::LogGroup')).filter((id) => id.startsWith('MigrationsTaskLog'));
  assert.deepEqual(gate, {
    Name: 'migrated',
    Image: 'orders-migrate:1.42',
    Command: ['check', '--wait', '300s'],
    Essential: false,
    User: '33:33',
    ReadonlyRootFilesystem: true,
    LinuxParameters: { Capabilities: { Drop: ['ALL'] } },
    LogConfiguration: {
      LogDriver: 'awslogs',
      Options: { 'awslogs-group': { Ref: log }, 'awslogs-stream-prefix': 'gate', 'awslogs-region': 'eu-west-3', mode: 'blocking' },
    },
  });
  const own = (environment as { Name: string }[]).filter((one) => !one.Name.startsWith('PIPELINE_'));
  assert.deepEqual(own, [
    { Name: 'DB_USER', Value: 'orders_gate' },
    { Name: 'DB_HOST', Value: stack.resolve(migrations.task._props.proxy.endpoint) },
    { Name: 'DB_PORT', Value: '5432' },
    { Name: 'DB_NAME', Value: 'orders' },
    { Name: 'POSTLUDE_PLAN', Value: '/etc/postlude/orders.yaml' },
    { Name: 'POSTLUDE_LOG', Value: 'json' },
  ]);
});

test('a port that is known when the stack is deployed is passed on', () => {
  const { stack, migrations, container } = service({ databasePort: Token.asNumber({ Ref: 'Port' }) });
  migrations.addGate(container, GATE);
  const { Environment: environment } = containers(Template.fromStack(stack)).get('migrated')!;
  assert.deepEqual(environment.find((one: { Name: string }) => one.Name === 'DB_PORT'), { Name: 'DB_PORT', Value: { Ref: 'Port' } });
});

test('the service\'s container starts when the gate has ended well', () => {
  const { stack, migrations, container } = service();
  migrations.addGate(container, { ...GATE, wait: Duration.minutes(20) });
  const found = containers(Template.fromStack(stack));
  assert.equal(found.get('migrated')!.User, '10001:10001');
  assert.ok(!('POSTLUDE_PLAN' in variables(found.get('migrated')!)));
  assert.deepEqual(found.get('app')!.DependsOn, [{ ContainerName: 'migrated', Condition: 'SUCCESS' }]);
  assert.deepEqual(found.get('migrated')!.Command, ['check', '--wait', '1200s']);
});

test('the service\'s role may log in as the gate, and as nobody else', () => {
  const { stack, migrations, container } = service();
  migrations.addGate(container, GATE);
  const policies = Template.fromStack(stack).findResources('AWS::IAM::Policy');
  const [policy] = Object.entries(policies).filter(([id]) => id.startsWith('ServiceTaskRole'));
  const [statement, ...more] = policy[1].Properties.PolicyDocument.Statement;
  assert.deepEqual(more, []);
  assert.equal(statement.Action, 'rds-db:connect');
  assert.equal(statement.Resource['Fn::Join'][1].at(-1), '/orders_gate');
});

test('the plan\'s variables come along, and the migrations\' secrets do not', () => {
  const f = fixture();
  const key = ecs.Secret.fromSecretsManager(new secretsmanager.Secret(f.stack, 'Key'));
  const { stack, migrations, container } = service({ environment: { PLACE: 'west', LEVEL: 'info' }, secrets: { API_KEY: key } }, f);
  const own = new secretsmanager.Secret(stack, 'Gate');
  migrations.addGate(container, {
    login: PostludeLogin.password('orders_gate', ecs.Secret.fromSecretsManager(own, 'password')),
    environment: { LEVEL: 'debug' },
    logging: ecs.LogDrivers.awsLogs({ streamPrefix: 'orders' }),
  });
  const gate = containers(Template.fromStack(stack)).get('migrated')!;
  assert.equal(variables(gate).PLACE, 'west');
  assert.equal(variables(gate).LEVEL, 'debug');
  assert.deepEqual(gate.Secrets.map((one: { Name: string }) => one.Name), ['DB_PASSWORD']);
  assert.equal(gate.LogConfiguration.Options['awslogs-stream-prefix'], 'orders');
});

test('a port that is known at deployment only, secrets of the gate\'s own, and the root of an application\'s image', () => {
  const f = fixture();
  const port = new CfnParameter(f.stack, 'Port', { type: 'Number' }).valueAsNumber;
  const { stack, migrations, container } = service({ databasePort: port, readonlyRootFilesystem: false }, f);
  const secret = new secretsmanager.Secret(stack, 'Key');
  migrations.addGate(container, { ...GATE, secrets: { KEY: ecs.Secret.fromSecretsManager(secret) } });
  const gate = containers(Template.fromStack(stack)).get('migrated')!;
  assert.deepEqual(variables(gate).DB_PORT, { Ref: 'Port' });
  assert.deepEqual(gate.Secrets.map((one: { Name: string }) => one.Name), ['KEY']);
  assert.equal(gate.ReadonlyRootFilesystem, false);
});

test('on EC2 the gate says how much memory it wants', () => {
  const { stack, migrations } = service();
  const definition = new ecs.Ec2TaskDefinition(stack, 'Ec2');
  const container = definition.addContainer('app', { image: ecs.ContainerImage.fromRegistry('orders:1.42'), memoryReservationMiB: 64 });
  assert.equal(migrations.addGate(container, GATE).memoryLimitSpecified, true);
  const [ec2] = Object.entries(Template.fromStack(stack).findResources('AWS::ECS::TaskDefinition')).filter(([id]) => id.startsWith('Ec2'));
  assert.equal(ec2[1].Properties.ContainerDefinitions[1].MemoryReservation, 64);
});
