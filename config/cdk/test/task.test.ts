import * as assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CfnOutput, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as sns from 'aws-cdk-lib/aws-sns';
import { PostludeLogin, PostludeTask } from '../lib';
import { allowed, Changes, CONNECT, container, environment, imported, ingress, make, secretOf } from './migrate';
import { added, complaints, Json, outputs, properties, resources, statements } from './plain';
import { ACCOUNT, Fixture, fixture, REGION } from './stack';

const FAMILY = 'OrdersMigrateDefinition46643041';
const ECS = { Service: 'ecs-tasks.amazonaws.com' };

describe('what is refused', () => {
  const refused: { [message: string]: (f: Fixture) => Changes } = {
    'DB_HOST is set by the construct': () => ({ environment: { DB_HOST: 'elsewhere' } }),
    'POSTLUDE_EVENT_ID is set by the construct': () => ({ environment: { POSTLUDE_EVENT_ID: '' } }),
    'POSTLUDE_REASON is set by the construct': () => ({ environment: { POSTLUDE_REASON: 'ever the same' } }),
    'POSTLUDE_PLAN is set by the construct': () => ({ environment: { POSTLUDE_PLAN: 'other.yaml' } }),
    'POSTLUDE_BY is set by the construct': ({ stack }) => ({ secrets: { POSTLUDE_BY: ecs.Secret.fromSecretsManager(secretOf(stack)) } }),
    'SNS_TOPIC_ARN is set by the construct': ({ stack }) => ({
      secrets: { SNS_TOPIC_ARN: ecs.Secret.fromSecretsManager(secretOf(stack)) },
    }),
    'DB_USER is set by the construct': () => ({ environment: { DB_USER: 'somebody' } }),
    'DB_PASSWORD is set by the construct': ({ stack }) => ({
      environment: { DB_PASSWORD: 'in the open' },
      login: PostludeLogin.password('migrator', ecs.Secret.fromSecretsManager(secretOf(stack), 'password')),
    }),
    'API_KEY is in environment and in secrets': ({ stack }) => ({
      environment: { API_KEY: 'x' },
      secrets: { API_KEY: ecs.Secret.fromSecretsManager(secretOf(stack)) },
    }),
    'plan is empty': () => ({ plan: ' ' }),
    'databaseName is empty': () => ({ databaseName: '' }),
  };
  for (const [message, changes] of Object.entries(refused)) {
    test(message, () => {
      const f = fixture();
      assert.throws(() => make(f, changes(f)), { message: new RegExp(`^${message}`) });
    });
  }

  test('an imported proxy without its security group', () => {
    const f = fixture();
    make(f, { proxy: imported(f.stack) });
    assert.deepEqual(complaints(f.stack), [
      'the proxy is imported, and CDK does not hand on the security groups of its import: give proxySecurityGroup',
    ]);
  });

  test('a proxy that admits no login of this kind is warned of', () => {
    const warned = (iamAuth: boolean, login?: (stack: Stack) => PostludeLogin) => {
      const f = fixture();
      const proxy = new rds.DatabaseProxy(f.stack, 'Other', {
        proxyTarget: rds.ProxyTarget.fromInstance(new rds.DatabaseInstance(f.stack, 'OtherDatabase', {
          engine: rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_16 }),
          vpc: f.vpc,
        })),
        secrets: [rds.DatabaseSecret.fromSecretNameV2(f.stack, 'OtherLogin', 'login')],
        vpc: f.vpc,
        iamAuth,
      });
      make(f, { proxy, login: login?.(f.stack) });
      return complaints(f.stack);
    };
    const byPassword = (stack: Stack) => PostludeLogin.password('migrator', ecs.Secret.fromSecretsManager(secretOf(stack)));
    const bySecret = (stack: Stack) => PostludeLogin.secret(secretOf(stack));
    assert.match(warned(false).join(), /^login is by IAM, and the proxy admits passwords only: give the DatabaseProxy iamAuth: true/);
    assert.match(warned(true, byPassword).join(), /^login is by a password, and the proxy admits IAM only/);
    assert.match(warned(true, bySecret).join(), /^login is by a password, and the proxy admits IAM only/);
    assert.deepEqual(warned(true), []);
    assert.deepEqual(warned(false, byPassword), []);
    assert.deepEqual(warned(false, bySecret), []);
  });

  test('public subnets without a public address are warned of', () => {
    const f = fixture();
    make(f, { vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC } });
    assert.match(complaints(f.stack).join(), /^the task is in public subnets and has no public address: .*set assignPublicIp/);
  });

  test('a network without the subnets that are asked for', () => {
    const f = fixture();
    assert.throws(() => make(f, { vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED } }), /no 'Isolated' subnet groups/);
  });
});

describe('what it makes', () => {
  test('these resources and no others', () => {
    const f = fixture();
    make(f);
    assert.deepEqual(added(f.stack, fixture().stack), {
      MigrateSecurityGroup: 'AWS::EC2::SecurityGroup',
      ProxyProxySecurityGroupfromOrdersMigrateSecurityGroupF23473CF5432: 'AWS::EC2::SecurityGroupIngress',
      MigrateTopic: 'AWS::SNS::Topic',
      MigrateTopicPolicy: 'AWS::SNS::TopicPolicy',
      MigrateLog: 'AWS::Logs::LogGroup',
      MigrateTaskRole: 'AWS::IAM::Role',
      MigrateTaskRoleDefaultPolicy: 'AWS::IAM::Policy',
      MigrateDefinition: 'AWS::ECS::TaskDefinition',
      MigrateDefinitionExecutionRole: 'AWS::IAM::Role',
      MigrateDefinitionExecutionRoleDefaultPolicy: 'AWS::IAM::Policy',
    });
    assert.deepEqual(complaints(f.stack), []);
  });

  test('these policy statements and no others', () => {
    const f = fixture();
    make(f);
    assert.deepEqual(statements(f.stack, Object.keys(added(f.stack, fixture().stack))), {
      MigrateTopicPolicy: [{
        Sid: 'AllowPublishThroughSSLOnly',
        Effect: 'Deny',
        Action: 'sns:Publish',
        Principal: '*',
        Resource: '{MigrateTopic}',
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      }],
      MigrateTaskRole: [{
        Action: 'sts:AssumeRole',
        Principal: ECS,
        Condition: {
          StringEquals: { 'aws:SourceAccount': ACCOUNT },
          ArnLike: { 'aws:SourceArn': `arn:aws:ecs:${REGION}:${ACCOUNT}:*` },
        },
      }],
      MigrateTaskRoleDefaultPolicy: [CONNECT, { Action: 'sns:Publish', Resource: '{MigrateTopic}' }],
      MigrateDefinitionExecutionRole: [{ Action: 'sts:AssumeRole', Principal: ECS }],
      MigrateDefinitionExecutionRoleDefaultPolicy: [
        { Action: ['logs:CreateLogStream', 'logs:PutLogEvents'], Resource: '{MigrateLog.Arn}' },
      ],
    });
  });

  test('a security group that nothing enters, and the way from it to the proxy', () => {
    const f = fixture();
    make(f);
    assert.deepEqual(properties(f.stack, 'MigrateSecurityGroup'), {
      GroupDescription: 'postlude: to the proxy and to AWS, from nowhere',
      SecurityGroupEgress: [{ CidrIp: '0.0.0.0/0', Description: 'Allow all outbound traffic by default', IpProtocol: '-1' }],
      VpcId: '{Vpc}',
    });
    assert.deepEqual(ingress(f.stack), [{
      Description: 'postlude runs migrations',
      IpProtocol: 'tcp',
      FromPort: 5432,
      ToPort: 5432,
      GroupId: '{ProxyProxySecurityGroup.GroupId}',
      SourceSecurityGroupId: '{MigrateSecurityGroup.GroupId}',
    }]);
  });

  test('the task definition', () => {
    const f = fixture();
    make(f);
    const rerun = outputs(f.stack).MigrateRerun;
    assert.deepEqual(properties(f.stack, 'MigrateDefinition'), {
      Family: FAMILY,
      Cpu: '256',
      Memory: '512',
      NetworkMode: 'awsvpc',
      RequiresCompatibilities: ['FARGATE'],
      RuntimePlatform: { CpuArchitecture: 'X86_64', OperatingSystemFamily: 'LINUX' },
      ExecutionRoleArn: '{MigrateDefinitionExecutionRole.Arn}',
      TaskRoleArn: '{MigrateTaskRole.Arn}',
      ContainerDefinitions: [{
        Name: 'postlude',
        Essential: true,
        Image: 'orders-migrate:1.42',
        User: '10001:10001',
        ReadonlyRootFilesystem: true,
        LinuxParameters: { Capabilities: { Drop: ['ALL'] } },
        StopTimeout: 30,
        LogConfiguration: {
          LogDriver: 'awslogs',
          Options: {
            'awslogs-group': '{MigrateLog}',
            'awslogs-region': REGION,
            'awslogs-stream-prefix': 'migrate',
            'mode': 'blocking',
          },
        },
        Environment: [
          { Name: 'DB_USER', Value: 'migrator' },
          { Name: 'DB_HOST', Value: '{Proxy.Endpoint}' },
          { Name: 'DB_PORT', Value: '5432' },
          { Name: 'DB_NAME', Value: 'orders' },
          { Name: 'SNS_TOPIC_ARN', Value: '{MigrateTopic}' },
          { Name: 'POSTLUDE_REPORT_TOPIC', Value: '{MigrateTopic}' },
          { Name: 'POSTLUDE_LOG', Value: 'json' },
          { Name: 'POSTLUDE_RERUN', Value: rerun },
        ],
      }],
    });
  });

  test('the log is kept for a year, and beyond the stack', () => {
    const f = fixture();
    make(f);
    assert.deepEqual(resources(f.stack).MigrateLog, {
      Type: 'AWS::Logs::LogGroup',
      Properties: { RetentionInDays: 365 },
      UpdateReplacePolicy: 'Retain',
      DeletionPolicy: 'Retain',
    });
  });

  test('the line that starts it by hand, as an output', () => {
    const f = fixture();
    make(f);
    const network = '{"awsvpcConfiguration":{"subnets":["{VpcPrivateSubnet1Subnet}","{VpcPrivateSubnet2Subnet}"],'
      + '"securityGroups":["{MigrateSecurityGroup.GroupId}"],"assignPublicIp":"DISABLED"}}';
    const overrides = '{"containerOverrides":[{"name":"postlude","environment":'
      + '[{"name":"POSTLUDE_REASON","value":"<why>"},{"name":"POSTLUDE_BY","value":"<who>"}]}]}';
    assert.deepEqual(outputs(f.stack), {
      MigrateRerun: `aws ecs run-task --region ${REGION} --cluster {Cluster} --task-definition ${FAMILY} --launch-type FARGATE`
        + ` --network-configuration '${network}' --overrides '${overrides}'`,
    });
  });
});

describe('the topic', () => {
  const publish = (topic: string): Json => ({ Action: 'sns:Publish', Resource: topic });
  const use = (key: string): Json => ({ Action: ['kms:Decrypt', 'kms:GenerateDataKey'], Resource: key });

  test('a new one, encrypted with a given key', () => {
    const f = fixture();
    make(f, { topicKey: new kms.Key(f.stack, 'Key') });
    assert.deepEqual(properties(f.stack, 'MigrateTopic'), { KmsMasterKeyId: '{Key.Arn}' });
    assert.deepEqual(allowed(f.stack), [CONNECT, publish('{MigrateTopic}'), use('{Key.Arn}')]);
  });

  test('a given one, encrypted', () => {
    const f = fixture();
    const task = make(f, { topic: new sns.Topic(f.stack, 'Topic', { masterKey: new kms.Key(f.stack, 'Key') }) });
    assert.equal(task.topicKey?.node.id, 'Key');
    assert.equal(environment(f.stack).SNS_TOPIC_ARN, '{Topic}');
    assert.equal(environment(f.stack).POSTLUDE_REPORT_TOPIC, '{Topic}');
    assert.equal('MigrateTopic' in resources(f.stack), false);
    assert.deepEqual(allowed(f.stack), [CONNECT, publish('{Topic}'), use('{Key.Arn}')]);
  });

  test('an imported one of another account, with its key', () => {
    const f = fixture();
    const topic = 'arn:aws:sns:eu-west-3:110987654321:deploys';
    const key = 'arn:aws:kms:eu-west-3:110987654321:key/5f0c7a52-3b1d-4c7e-9a60-1d2e3f4a5b6c';
    make(f, { topic: sns.Topic.fromTopicArn(f.stack, 'Topic', topic), topicKey: kms.Key.fromKeyArn(f.stack, 'Key', key) });
    assert.equal(environment(f.stack).SNS_TOPIC_ARN, topic);
    assert.deepEqual(allowed(f.stack), [CONNECT, publish(topic), use(key)]);
  });
});

describe('the container', () => {
  test("an application's image that postlude was put onto, for arm64", () => {
    const f = fixture();
    make(f, {
      user: 'www-data',
      readonlyRootFilesystem: false,
      plan: '/var/www/html/database/postlude.yaml',
      cpu: 1024,
      memoryLimitMiB: 2048,
      cpuArchitecture: ecs.CpuArchitecture.ARM64,
      environment: { APP_ENV: 'production' },
      secrets: { APP_KEY: ecs.Secret.fromSecretsManager(secretOf(f.stack)) },
      family: 'orders-migrate',
    });
    const definition = properties(f.stack, 'MigrateDefinition');
    assert.deepEqual(definition.RuntimePlatform, { CpuArchitecture: 'ARM64', OperatingSystemFamily: 'LINUX' });
    assert.deepEqual([definition.Family, definition.Cpu, definition.Memory], ['orders-migrate', '1024', '2048']);
    const { User, ReadonlyRootFilesystem, Secrets } = container(f.stack);
    assert.deepEqual([User, ReadonlyRootFilesystem], ['www-data', false]);
    assert.deepEqual(Secrets, [{ Name: 'APP_KEY', ValueFrom: '{Secret}' }]);
    assert.equal(environment(f.stack).POSTLUDE_PLAN, '/var/www/html/database/postlude.yaml');
    assert.equal(environment(f.stack).APP_ENV, 'production');
    assert.match(outputs(f.stack).MigrateRerun, / --task-definition orders-migrate /);
  });

  test('a log group of yours', () => {
    const f = fixture();
    make(f, { logGroup: logs.LogGroup.fromLogGroupName(f.stack, 'Log', '/orders') });
    assert.equal(container(f.stack).LogConfiguration.Options['awslogs-group'], '/orders');
    assert.equal('MigrateLog' in resources(f.stack), false);
  });
});

describe('who may start it', () => {
  test('somebody who was allowed to', () => {
    const f = fixture();
    const role = new iam.Role(f.stack, 'OnCall', { assumedBy: new iam.AccountRootPrincipal() });
    make(f).grantRun(role);
    assert.deepEqual(statements(f.stack, ['OnCallDefaultPolicy']).OnCallDefaultPolicy, [
      {
        Action: 'ecs:RunTask',
        Resource: ['', ':*'].map((revision) => `arn:aws:ecs:${REGION}:${ACCOUNT}:task-definition/${FAMILY}${revision}`),
        Condition: { ArnEquals: { 'ecs:cluster': '{Cluster.Arn}' } },
      },
      {
        Action: 'iam:PassRole',
        Resource: ['{MigrateTaskRole.Arn}', '{MigrateDefinitionExecutionRole.Arn}'],
        Condition: { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
      },
    ]);
  });
});

describe('a stack of no known account or region', () => {
  test('has neither written anywhere', () => {
    const f = fixture({});
    new CfnOutput(f.stack, 'Line', { value: make(f).rerunCommand });
    assert.match(outputs(f.stack).Line, /^aws ecs run-task --region \{AWS::Region\} --cluster \{Cluster\} /);
    assert.deepEqual(statements(f.stack, ['MigrateTaskRole']).MigrateTaskRole[0].Condition, {
      StringEquals: { 'aws:SourceAccount': '{AWS::AccountId}' },
      ArnLike: { 'aws:SourceArn': 'arn:aws:ecs:{AWS::Region}:{AWS::AccountId}:*' },
    });
    assert.equal(container(f.stack).LogConfiguration.Options['awslogs-region'], '{AWS::Region}');
    assert.doesNotMatch(JSON.stringify(resources(f.stack)), new RegExp(`${ACCOUNT}|${REGION}`));
  });
});

test('a long path makes a family that ECS takes', () => {
  const f = fixture();
  const { vpc, cluster, proxy, image } = f;
  const task = new PostludeTask(f.stack, 'L'.repeat(250), { vpc, cluster, proxy, image, databaseName: 'orders' });
  assert.match(task.taskDefinition.family, /^[A-Za-z0-9_-]{1,255}$/);
});
