import { CfnOutput } from 'aws-cdk-lib';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as iam from 'aws-cdk-lib/aws-iam';
import { IMAGE } from './commands';

/** What an image puts into the build, and what its role is allowed. @internal */
export interface ImageBinding {
  readonly environment: { [name: string]: string };
  readonly outputs: { [name: string]: CfnOutput };
  readonly repository?: ecr.IRepository;
  readonly grant: (grantee: iam.IGrantable) => void;
}

/**
 * The image that a build step runs: postlude, the plan and its migrations, with postlude as its
 * entrypoint.
 */
export abstract class PostludeStepImage {
  /**
   * An image of a repository of ECR; the build's role may pull from it.
   *
   * @param repository of this account, or of another one whose policy lets this one pull
   * @param tagOrDigest `1.42` or `sha256:...`
   */
  public static fromRepository(repository: ecr.IRepository, tagOrDigest: string): PostludeStepImage {
    return new Image({
      environment: { [IMAGE]: repository.repositoryUriForTagOrDigest(tagOrDigest) },
      outputs: {},
      repository,
      grant: (grantee) => repository.grantPull(grantee),
    });
  }

  /**
   * An image that a stack before the step names in an output, an asset for instance, so that it is
   * always the one of this deployment.
   *
   * @param uri the output with the image's whole name, such as `asset.imageUri`
   * @param repository where it lies, for the right to pull it; of an asset the one of CDK's bootstrap
   */
  public static fromOutput(uri: CfnOutput, repository: ecr.IRepository): PostludeStepImage {
    return new Image({
      environment: {},
      outputs: { [IMAGE]: uri },
      repository,
      grant: (grantee) => repository.grantPull(grantee),
    });
  }

  /**
   * An image of a registry that wants no login.
   *
   * @param name with tag or digest
   */
  public static fromRegistry(name: string): PostludeStepImage {
    return new Image({ environment: { [IMAGE]: name }, outputs: {}, grant: () => {} });
  }

  /** @internal */
  public abstract _bind(): ImageBinding;
}

class Image extends PostludeStepImage {
  public constructor(private readonly binding: ImageBinding) {
    super();
  }

  /** @internal */
  public _bind(): ImageBinding {
    return this.binding;
  }
}
