import * as assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CfnParameter, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { PostludeLogin } from '../lib';
import { allowed, CONNECT, container, environment, imported, ingress, make, secretOf } from './migrate';
import { complaints, outputs, resources, statements } from './plain';
import { ACCOUNT, fixture, REGION } from './stack';

describe('the login', () => {
  test('by IAM, as another user', () => {
    const f = fixture();
    make(f, { login: PostludeLogin.iam('owner') });
    assert.equal(environment(f.stack).DB_USER, 'owner');
    assert.deepEqual(allowed(f.stack)[0], { ...CONNECT, Resource: CONNECT.Resource.replace(/migrator$/, 'owner') });
  });

  test('by a secret that postlude reads, with a key of its own', () => {
    const f = fixture();
    const secret = new secretsmanager.Secret(f.stack, 'Login', { encryptionKey: new kms.Key(f.stack, 'Key') });
    make(f, { login: PostludeLogin.secret(secret), environment: { DB_USER: 'migrator' } });
    assert.equal(environment(f.stack).DB_SECRET_ARN, '{Login}');
    assert.equal(environment(f.stack).DB_USER, 'migrator');
    assert.equal(container(f.stack).Secrets, undefined);
    assert.deepEqual(allowed(f.stack), [
      { Action: ['secretsmanager:GetSecretValue', 'secretsmanager:DescribeSecret'], Resource: '{Login}' },
      {
        Action: 'kms:Decrypt',
        Condition: { StringEquals: { 'kms:ViaService': `secretsmanager.${REGION}.amazonaws.com` } },
        Resource: '{Key.Arn}',
      },
      { Action: 'sns:Publish', Resource: '{MigrateTopic}' },
    ]);
    assert.deepEqual(statements(f.stack, ['Key']).Key.slice(-1), [{
      Action: 'kms:Decrypt',
      Principal: { AWS: '{MigrateTaskRole.Arn}' },
      Condition: { StringEquals: { 'kms:ViaService': `secretsmanager.${REGION}.amazonaws.com` } },
      Resource: '*',
    }]);
  });

  test('by a password that ECS reads: the execution role may, the task role may not', () => {
    const f = fixture();
    make(f, { login: PostludeLogin.password('migrator', ecs.Secret.fromSecretsManager(secretOf(f.stack), 'password')) });
    assert.equal(environment(f.stack).DB_USER, 'migrator');
    assert.deepEqual(container(f.stack).Secrets, [{ Name: 'DB_PASSWORD', ValueFrom: '{Secret}:password::' }]);
    assert.deepEqual(allowed(f.stack), [{ Action: 'sns:Publish', Resource: '{MigrateTopic}' }]);
    assert.deepEqual(statements(f.stack, ['MigrateDefinitionExecutionRoleDefaultPolicy']), {
      MigrateDefinitionExecutionRoleDefaultPolicy: [
        { Action: ['logs:CreateLogStream', 'logs:PutLogEvents'], Resource: '{MigrateLog.Arn}' },
        { Action: ['secretsmanager:GetSecretValue', 'secretsmanager:DescribeSecret'], Resource: '{Secret}' },
      ],
    });
  });
});

describe('the network', () => {
  test('public subnets with a public address', () => {
    const f = fixture();
    make(f, { assignPublicIp: true });
    assert.deepEqual(complaints(f.stack), []);
    assert.match(outputs(f.stack).MigrateRerun, /"subnets":\["\{VpcPublicSubnet1Subnet\}","\{VpcPublicSubnet2Subnet\}"\]/);
    assert.match(outputs(f.stack).MigrateRerun, /"assignPublicIp":"ENABLED"/);
  });

  test('isolated subnets', () => {
    const f = fixture();
    const vpc = new ec2.Vpc(f.stack, 'Closed', {
      maxAzs: 1,
      subnetConfiguration: [{ name: 'closed', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }],
    });
    make(f, { vpc, vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED } });
    assert.match(outputs(f.stack).MigrateRerun, /"subnets":\["\{ClosedclosedSubnet1Subnet\}"\]/);
  });

  test('a proxy that listens elsewhere', () => {
    const f = fixture();
    const port = new CfnParameter(f.stack, 'Port', { type: 'Number' }).valueAsNumber;
    make(f, { databasePort: port });
    assert.equal(environment(f.stack).DB_PORT, '{Port}');
    assert.deepEqual([ingress(f.stack)[0].FromPort, ingress(f.stack)[0].ToPort], ['{Port}', '{Port}']);
  });

  test('an imported proxy, with its security group', () => {
    const f = fixture();
    make(f, { proxy: imported(f.stack), proxySecurityGroup: ec2.SecurityGroup.fromSecurityGroupId(f.stack, 'Group', 'sg-0a1b2c3d') });
    assert.deepEqual(complaints(f.stack), []);
    assert.equal(environment(f.stack).DB_HOST, 'orders.proxy-abc.eu-west-3.rds.amazonaws.com');
    assert.deepEqual(ingress(f.stack).map((rule) => [rule.GroupId, rule.SourceSecurityGroupId]),
      [['sg-0a1b2c3d', '{MigrateSecurityGroup.GroupId}']]);
    assert.deepEqual(allowed(f.stack)[0], {
      Action: 'rds-db:connect', Resource: `arn:aws:rds-db:${REGION}:${ACCOUNT}:dbuser:prx-0a1b2c3d/migrator`,
    });
  });

  test('a proxy of another stack, which needs nothing of this one', () => {
    const f = fixture();
    const stack = new Stack(f.app, 'Migrations', { env: { account: ACCOUNT, region: REGION } });
    make({ ...f, stack });
    f.app.synth();
    assert.deepEqual(stack.dependencies.map(({ node }) => node.id), ['Orders']);
    assert.deepEqual(f.stack.dependencies.map(({ node }) => node.id), []);
    assert.equal(ingress(f.stack).length, 0);
    assert.deepEqual(ingress(stack).map((rule) => rule.SourceSecurityGroupId), ['{MigrateSecurityGroup.GroupId}']);
    assert.deepEqual(complaints(stack), []);
  });

  test('a security group of yours that lets nothing out lets out to the proxy', () => {
    const f = fixture();
    const securityGroup = new ec2.SecurityGroup(f.stack, 'Narrow', { vpc: f.vpc, allowAllOutbound: false });
    make(f, { securityGroup });
    assert.equal('MigrateSecurityGroup' in resources(f.stack), false);
    assert.deepEqual(ingress(f.stack).map((rule) => rule.SourceSecurityGroupId), ['{Narrow.GroupId}']);
    assert.equal(Object.values(resources(f.stack)).filter(({ Type }) => Type === 'AWS::EC2::SecurityGroupEgress').length, 1);
  });
});
