import { Tokenization } from 'aws-cdk-lib';
import * as sns from 'aws-cdk-lib/aws-sns';

/** The database and its plan, as every way of running migrations is given them. */
export interface PlanProps {
  readonly databasePort?: number;
  readonly databaseName: string;
  readonly plan?: string;
}

/** The port of the proxy. */
export function databasePort(props: PlanProps): number {
  return props.databasePort ?? 5432;
}

/** What the plan names and where it lies, whatever the way: all but the host, which each way has from elsewhere, and the login. */
export function planVariables(props: PlanProps, topic?: sns.ITopic): { [name: string]: string } {
  return {
    DB_PORT: Tokenization.stringifyNumber(databasePort(props)),
    DB_NAME: props.databaseName,
    ...(topic ? { SNS_TOPIC_ARN: topic.topicArn, POSTLUDE_REPORT_TOPIC: topic.topicArn } : {}),
    ...(props.plan ? { POSTLUDE_PLAN: props.plan } : {}),
  };
}

/**
 * What stands for a pipeline where none sends its events, so that the plan of another way, whose
 * `trigger` names these variables, is good here, too: a start of another kind is not held against it.
 */
export function withoutPipeline(account: string, region: string): { [name: string]: string } {
  return { PIPELINE_STAGE: 'none', PIPELINE_ACCOUNT: account, PIPELINE_REGION: region };
}
