import { App, CfnOutput, Stack, Stage } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as pipelines from 'aws-cdk-lib/pipelines';
import { PostludeStep, PostludeStepImage, PostludeStepProps } from '../lib';
import { Json, plain } from './plain';
import { REGION, TOOLS } from './stack';

/** A stage of two stacks: the data, whose outputs the step reads, and the service behind it. */
class Orders extends Stage {
  public readonly data = new Stack(this, 'Data');
  public readonly service = new Stack(this, 'Service');
  public readonly host = new CfnOutput(this.data, 'Host', { value: 'orders.proxy-0a.eu-west-3.rds.amazonaws.com' });
  public readonly image = new CfnOutput(this.data, 'Image', { value: `${TOOLS}.dkr.ecr.eu-west-3.amazonaws.com/assets:0a` });

  public constructor(scope: Stack) {
    super(scope, 'Prod', { env: { account: TOOLS, region: REGION } });
    this.service.addDependency(this.data);
  }
}

/** The pipeline's stack, and a step between the stage's stacks. */
export class Pipe extends Stack {
  public readonly vpc = ec2.Vpc.fromVpcAttributes(this, 'Vpc', {
    vpcId: 'vpc-0a', availabilityZones: ['eu-west-3a'], privateSubnetIds: ['subnet-0a'], privateSubnetRouteTableIds: ['rtb-0a'],
  });
  public readonly orders = new Orders(this);
  public readonly repository = ecr.Repository.fromRepositoryName(this, 'Repository', 'orders-migrate');

  public constructor() {
    super(new App(), 'Pipe', { env: { account: TOOLS, region: REGION } });
  }

  public step(props: Partial<PostludeStepProps> = {}): PostludeStep {
    return new PostludeStep('Migrate', {
      vpc: this.vpc,
      image: PostludeStepImage.fromRepository(this.repository, '1.42'),
      host: this.orders.host,
      databaseName: 'orders',
      ...props,
    });
  }

  public deploy(step: PostludeStep): Template {
    const pipeline = new pipelines.CodePipeline(this, 'Pipeline', {
      synth: new pipelines.ShellStep('Synth', {
        input: pipelines.CodePipelineSource.connection('orders/orders', 'main', { connectionArn: 'arn:aws:codestar-connections:x' }),
        commands: ['npx cdk synth'],
      }),
    });
    pipeline.addStage(this.orders, { stackSteps: [{ stack: this.orders.data, post: [step] }] });
    return Template.fromStack(this);
  }
}

/** The project of the step, its id first. */
export function project(template: Template): [string, Json] {
  const found = Object.entries(template.findResources('AWS::CodeBuild::Project'));
  const [id, { Properties: properties }] = found.find(([, one]) => /Migrate/.test(plain(one.Properties.Description)))!;
  return [id, properties];
}

export function commandsOf(template: Template): string[] {
  return JSON.parse(plain(project(template)[1].Source.BuildSpec)).phases.build.commands;
}

/** The action of the step as the pipeline has it. */
export function action(template: Template): Json {
  const [pipeline] = Object.values(template.findResources('AWS::CodePipeline::Pipeline'));
  const actions = pipeline.Properties.Stages.flatMap((stage: Json) => stage.Actions) as Json[];
  return actions.find((one) => one.Name.endsWith('Migrate'))!;
}

/** What the build's role may do. */
export function statements(template: Template): Json[] {
  const [, { ServiceRole: role }] = project(template);
  const [policy] = Object.values(template.findResources('AWS::IAM::Policy'))
    .filter((one) => one.Properties.Roles[0].Ref === role['Fn::GetAtt'][0]);
  return policy.Properties.PolicyDocument.Statement;
}
