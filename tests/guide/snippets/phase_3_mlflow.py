# For new workflows, use MLflow tracking
from afml.cache import setup_mlflow_cache, mlflow_cached

# Setup once
setup_mlflow_cache("my_new_project")

# Use on new training functions
@mlflow_cached(tags={"version": "v1"})
def train_new_model(data, params):
    # Automatically tracked + cached
    return model, metrics
