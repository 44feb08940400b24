import * as assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { PostludeResource } from '../lib';
import { dependencies, ids, migrations } from './inside';
import { fixture } from './stack';

test('the task finds everything in place: rules, policies, the proxy\'s targets, the way out, and who answers for it', () => {
  const f = fixture();
  migrations(f);
  const template = Template.fromStack(f.stack);
  const needs = dependencies(template);
  const has = (type: string, prefix: string, n: number) => {
    const found = ids(template, type, prefix);
    assert.equal(found.length, n, `${type} ${prefix}`);
    found.forEach((id) => assert.ok(needs.includes(id), `${id} may be missing when the task starts`));
  };
  has('AWS::EC2::SecurityGroupIngress', 'ProxyProxySecurityGroupfromOrdersMigrations', 1);
  has('AWS::EC2::SecurityGroupIngress', 'DatabaseSecurityGroupfromOrdersProxy', 1);
  has('AWS::IAM::Policy', 'MigrationsTaskTaskRole', 1);
  has('AWS::IAM::Policy', 'MigrationsTaskDefinitionExecutionRole', 1);
  has('AWS::IAM::Policy', 'ProxyIAMRole', 1);
  has('AWS::RDS::DBProxyTargetGroup', 'Proxy', 1);
  has('AWS::EC2::Route', 'VpcPrivateSubnet', 2);
  has('AWS::Logs::LogGroup', 'MigrationsTaskLog', 1);
  has('AWS::Lambda::Function', 'MigrationsStarter', 1);
  has('AWS::Lambda::Permission', 'Migrations', 1);
  has('AWS::Events::Rule', 'MigrationsEnded', 1);
});

test('the way out that has to be there is that of the task\'s own subnets', () => {
  const f = fixture();
  migrations(f, { vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC }, assignPublicIp: true });
  const needs = dependencies(Template.fromStack(f.stack)).filter((id) => /SubnetDefaultRoute|DefaultRoute/i.test(id));
  assert.deepEqual(needs.map((id) => id.replace(/DefaultRoute.*/, '')), ['VpcPublicSubnet1', 'VpcPublicSubnet2']);
});

test('what the task is given later is in place, too', () => {
  const f = fixture();
  const { task } = migrations(f);
  f.vpc.addInterfaceEndpoint('Sns', { service: ec2.InterfaceVpcEndpointAwsService.SNS });
  new s3.Bucket(f.stack, 'Bucket').grantRead(task);
  task.connections.allowTo(ec2.SecurityGroup.fromSecurityGroupId(f.stack, 'Other', 'sg-0a1b2c3d'), ec2.Port.tcp(443));
  const template = Template.fromStack(f.stack);
  const needs = dependencies(template);
  for (const id of [...ids(template, 'AWS::EC2::VPCEndpoint'), ...ids(template, 'AWS::EC2::SecurityGroupIngress', 'Otherfrom')]) {
    assert.ok(needs.includes(id), id);
  }
});

test('a task that may send nowhere may send to the proxy, before it starts', () => {
  const f = fixture();
  migrations(f, { securityGroup: new ec2.SecurityGroup(f.stack, 'Tight', { vpc: f.vpc, allowAllOutbound: false }) });
  const template = Template.fromStack(f.stack);
  const [egress] = ids(template, 'AWS::EC2::SecurityGroupEgress', 'Tight');
  assert.ok(dependencies(template).includes(egress));
});

test('a service behind the migrations, which the proxy lets in as well, makes no circle', () => {
  const f = fixture();
  const resource = migrations(f);
  const definition = new ecs.FargateTaskDefinition(f.stack, 'Definition');
  definition.addContainer('app', { image: f.image });
  const service = new ecs.FargateService(f.stack, 'Service', { cluster: f.cluster, taskDefinition: definition });
  f.proxy.connections.allowFrom(service, ec2.Port.tcp(5432));
  service.node.addDependency(resource);
  const template = Template.fromStack(f.stack); // throws on a circle
  const [one] = Object.values(template.findResources('AWS::ECS::Service'));
  assert.ok(one.DependsOn.includes(ids(template, 'Custom::PostludeMigrations')[0]));
});

test('a stack that is deleted lets go of the migrations while their function can still answer', () => {
  const f = fixture();
  migrations(f);
  const template = Template.fromStack(f.stack);
  const resources = template.toJSON().Resources;
  const reached = new Set<string>();
  const visit = (id: string) => {
    if (!(id in resources) || reached.has(id)) {
      return;
    }
    reached.add(id);
    (resources[id].DependsOn ?? []).forEach(visit);
    (JSON.stringify(resources[id].Properties ?? {}).match(/"(Ref|Fn::GetAtt)":\[?"[A-Za-z0-9]+"/g) ?? [])
      .forEach((found) => visit(found.split('"')[3]));
  };
  visit(ids(template, 'Custom::PostludeMigrations')[0]);
  for (const id of Object.keys(resources).filter((name) => name.startsWith('MigrationsStarter'))) {
    assert.ok(reached.has(id), `${id} may go before the migrations`);
  }
});

test('a proxy of another stack is opened from this one, and the two make no circle', () => {
  const f = fixture();
  const stack = new Stack(f.app, 'Service', { env: { account: f.stack.account, region: f.stack.region } });
  new PostludeResource(stack, 'Migrations', { ...f, databaseName: 'orders' });
  const template = Template.fromStack(stack);
  const [rule] = ids(template, 'AWS::EC2::SecurityGroupIngress');
  assert.ok(dependencies(template).includes(rule));
  Template.fromStack(f.stack).resourceCountIs('AWS::EC2::SecurityGroupIngress', 1);
});
