import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as sns from 'aws-cdk-lib/aws-sns';
import { PostludeLogin } from './login';

/** What a task that migrates a database is made of. */
export interface PostludeTaskProps {
  /** The network of the task, from which the proxy can be reached. */
  readonly vpc: ec2.IVpc;

  /**
   * The subnets of the task. It has to reach the proxy, and ECR, CloudWatch Logs and SNS by NAT or by
   * VPC endpoints: ecr.api, ecr.dkr, logs, sns, and the gateway of S3, where the image's layers are.
   * `secrets` and logins by a secret need secretsmanager too.
   *
   * @default - the private subnets with a way out; with `assignPublicIp` the public ones
   */
  readonly vpcSubnets?: ec2.SubnetSelection;

  /**
   * A public address for the task, for public subnets without NAT.
   *
   * @default false
   */
  readonly assignPublicIp?: boolean;

  /**
   * The task's security group.
   *
   * @default - a new one that lets out everything and in nothing
   */
  readonly securityGroup?: ec2.ISecurityGroup;

  /** The cluster that runs the task, on Fargate. */
  readonly cluster: ecs.ICluster;

  /** The RDS Proxy in front of the database. */
  readonly proxy: rds.IDatabaseProxy;

  /**
   * The proxy's security group, which is to let the task in. Needed for a proxy that is imported, even
   * where the import names it.
   *
   * @default - that of the proxy
   */
  readonly proxySecurityGroup?: ec2.ISecurityGroup;

  /**
   * The port of the proxy.
   *
   * @default 5432
   */
  readonly databasePort?: number;

  /** The database; the plan says `name: ${DB_NAME}`. */
  readonly databaseName: string;

  /**
   * How postlude logs in.
   *
   * @default - PostludeLogin.iam('migrator')
   */
  readonly login?: PostludeLogin;

  /** The image that holds postlude, the plan and its migrations; its entrypoint is postlude. */
  readonly image: ecs.ContainerImage;

  /**
   * Where the plan lies in the image.
   *
   * @default - postlude.yaml in the working directory, then /etc/postlude/postlude.yaml
   */
  readonly plan?: string;

  /**
   * The topic that is told of each outcome, and of what postlude cannot report itself.
   *
   * @default - a new one
   */
  readonly topic?: sns.ITopic;

  /**
   * The key of an encrypted topic: postlude and the watch are allowed to use it. A topic that is
   * made here is encrypted with it.
   *
   * @default - the given topic's own, where CDK knows it; else none
   */
  readonly topicKey?: kms.IKey;

  /**
   * More variables of the container, for the plan and its commands.
   *
   * @default - none
   */
  readonly environment?: { [name: string]: string };

  /**
   * Variables that ECS fills from secrets or parameters when the task starts.
   *
   * @default - none
   */
  readonly secrets?: { [name: string]: ecs.Secret };

  /**
   * CPU units of the task.
   *
   * @default 256
   */
  readonly cpu?: number;

  /**
   * Memory of the task, in MiB. postlude itself needs about 20; `command:` steps need their own.
   *
   * @default 512
   */
  readonly memoryLimitMiB?: number;

  /**
   * The architecture the image was built for.
   *
   * @default ecs.CpuArchitecture.X86_64
   */
  readonly cpuArchitecture?: ecs.CpuArchitecture;

  /**
   * User and group of the container. An application's image that postlude was put onto may want its
   * own: name it.
   *
   * @default '10001:10001'
   */
  readonly user?: string;

  /**
   * A root file system that cannot be written. postlude needs no writable folder; `command:` steps
   * may.
   *
   * @default true
   */
  readonly readonlyRootFilesystem?: boolean;

  /**
   * The log group.
   *
   * @default - a new one that keeps its lines for a year
   */
  readonly logGroup?: logs.ILogGroup;

  /**
   * The family of the task definition, by which the task is started by hand: of its own in the account and region.
   *
   * @default - made of the construct's path
   */
  readonly family?: string;
}
