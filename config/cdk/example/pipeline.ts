import { Environment, Stack, Stage } from 'aws-cdk-lib';
import { PipelineType } from 'aws-cdk-lib/aws-codepipeline';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as pipelines from 'aws-cdk-lib/pipelines';
import { Construct } from 'constructs';
import { PostludeForward } from '../lib';
import { OrdersStack } from './orders';

/** The pipeline's own name: the events carry it. */
const PIPELINE = 'orders';

export interface PipelineSettings {
  readonly tools: Required<Environment>;
  readonly workload: Required<Environment>;
  readonly repository: string;
  readonly connectionArn: string;
  readonly postludeImage: string;
}

/** The tools account: the pipeline, and what sends its events on to the workload's account. */
export class PipelineStack extends Stack {
  public constructor(scope: Construct, id: string, settings: PipelineSettings) {
    super(scope, id, { env: settings.tools });
    const postlude = ecr.Repository.fromRepositoryName(this, 'Postlude', 'postlude');
    const pipeline = new pipelines.CodePipeline(this, 'Pipeline', {
      pipelineName: PIPELINE,
      pipelineType: PipelineType.V2,
      crossAccountKeys: true,
      dockerCredentials: [pipelines.DockerCredential.ecr([postlude])],
      synth: new pipelines.ShellStep('Synth', {
        input: pipelines.CodePipelineSource.connection(settings.repository, 'main', { connectionArn: settings.connectionArn }),
        commands: ['npm ci', 'npm run build', 'npm run synth'],
      }),
    });
    for (const name of ['Dev', 'Prod']) {
      const stage = new Stage(this, name, { env: settings.workload });
      new OrdersStack(stage, 'Orders', {
        env: settings.workload,
        pipelineName: PIPELINE,
        pipelineAccount: settings.tools.account,
        pipelineRegion: settings.tools.region,
        stage: name,
        postludeImage: settings.postludeImage,
      });
      pipeline.addStage(stage);
      new PostludeForward(this, `Forward${name}`, {
        pipelineName: PIPELINE,
        stage: name,
        targets: [settings.workload],
      });
    }
  }
}
