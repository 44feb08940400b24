import * as path from 'node:path';
import { Duration, Stack, StackProps } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as rds from 'aws-cdk-lib/aws-rds';
import { Construct } from 'constructs';
import { PostludeLogin, PostludeMigration } from '../lib';

export interface OrdersProps extends StackProps {
  readonly pipelineName: string;
  readonly pipelineAccount: string;
  readonly pipelineRegion: string;
  /** The stage whose success the migrations wait for: this one. */
  readonly stage: string;
  /** postlude's own image, built from docker/Dockerfile and pushed once. */
  readonly postludeImage: string;
}

/** One stage of the application: network, PostgreSQL, RDS Proxy, the service, and its migrations. */
export class OrdersStack extends Stack {
  public constructor(scope: Construct, id: string, props: OrdersProps) {
    super(scope, id, props);
    const vpc = new ec2.Vpc(this, 'Vpc', { natGateways: 1 });
    const database = new rds.DatabaseInstance(this, 'Database', {
      engine: rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_17 }),
      instanceType: ec2.InstanceType.of(ec2.InstanceClass.T4G, ec2.InstanceSize.SMALL),
      credentials: rds.Credentials.fromGeneratedSecret('migrator'),
      databaseName: 'orders',
      storageEncrypted: true,
      multiAz: true,
      publiclyAccessible: false,
      deletionProtection: true,
      vpc,
    });
    // The service's own login: made once in the database, with this password.
    const login = new rds.DatabaseSecret(this, 'ServiceLogin', { username: 'orders_app' });
    const proxy = new rds.DatabaseProxy(this, 'Proxy', {
      proxyTarget: rds.ProxyTarget.fromInstance(database),
      secrets: [database.secret!, login],
      iamAuth: true,
      requireTLS: true,
      vpc,
    });
    const cluster = new ecs.Cluster(this, 'Cluster', { vpc });
    this.service(cluster, proxy);

    new PostludeMigration(this, 'Migrations', {
      pipelineName: props.pipelineName,
      pipelineAccount: props.pipelineAccount,
      pipelineRegion: props.pipelineRegion,
      stage: props.stage,
      vpc,
      cluster,
      proxy,
      databaseName: 'orders',
      login: PostludeLogin.iam('migrator'),
      image: ecs.ContainerImage.fromAsset(path.join(__dirname, '..', '..', 'example', 'image'), {
        buildArgs: { POSTLUDE: props.postludeImage },
      }),
    });
  }

  /** Named, since CDK would ask AWS for them, and synthesis needs no credentials. */
  public get availabilityZones(): string[] {
    return [`${this.region}a`, `${this.region}b`];
  }

  /** Your application. */
  private service(cluster: ecs.Cluster, proxy: rds.DatabaseProxy): void {
    const definition = new ecs.FargateTaskDefinition(this, 'Service', { cpu: 256, memoryLimitMiB: 512 });
    definition.addContainer('app', {
      image: ecs.ContainerImage.fromRegistry('public.ecr.aws/nginx/nginx:stable'),
      environment: { DB_HOST: proxy.endpoint, DB_NAME: 'orders', DB_USER: 'orders_app' },
      logging: ecs.LogDrivers.awsLogs({ streamPrefix: 'app' }),
    });
    const service = new ecs.FargateService(this, 'App', {
      cluster,
      taskDefinition: definition,
      circuitBreaker: { rollback: true },
      minHealthyPercent: 100,
    });
    proxy.connections.allowFrom(service, ec2.Port.tcp(5432), 'the service');
    proxy.grantConnect(definition.taskRole, 'orders_app');
    service.autoScaleTaskCount({ minCapacity: 1, maxCapacity: 4 }).scaleOnCpuUtilization('Cpu', {
      targetUtilizationPercent: 60,
      scaleInCooldown: Duration.minutes(5),
    });
  }
}
