import { App, Environment, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as rds from 'aws-cdk-lib/aws-rds';

/** An application's stack as the constructs find it: a network, a cluster, a database behind a proxy. */
export interface Fixture {
  readonly app: App;
  readonly stack: Stack;
  readonly vpc: ec2.Vpc;
  readonly cluster: ecs.Cluster;
  readonly proxy: rds.DatabaseProxy;
  readonly image: ecs.ContainerImage;
}

export const ACCOUNT = '210987654321';
export const TOOLS = '110987654321';
export const REGION = 'eu-west-3';

/** A stack of a known account and region, or of none ({}), whose network needs no look-up. */
export function fixture(env: Environment = { account: ACCOUNT, region: REGION }): Fixture {
  const app = new App({
    context: { [`availability-zones:account=${ACCOUNT}:region=${REGION}`]: ['eu-west-3a', 'eu-west-3b'] },
  });
  const stack = new Stack(app, 'Orders', { env });
  const vpc = new ec2.Vpc(stack, 'Vpc', { maxAzs: 2, natGateways: 1 });
  const cluster = new ecs.Cluster(stack, 'Cluster', { vpc });
  const database = new rds.DatabaseInstance(stack, 'Database', {
    engine: rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_16 }),
    credentials: rds.Credentials.fromGeneratedSecret('migrator'),
    storageEncrypted: true,
    vpc,
  });
  const proxy = new rds.DatabaseProxy(stack, 'Proxy', {
    proxyTarget: rds.ProxyTarget.fromInstance(database),
    secrets: [database.secret!],
    iamAuth: true,
    vpc,
  });
  const image = ecs.ContainerImage.fromRegistry('orders-migrate:1.42');
  return { app, stack, vpc, cluster, proxy, image };
}
