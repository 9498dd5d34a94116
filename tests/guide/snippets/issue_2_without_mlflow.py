# System still works, just without MLflow tracking
from afml.cache import MLFLOW_AVAILABLE

if MLFLOW_AVAILABLE:
    setup_mlflow_cache("my_experiment")
else:
    print("Using local caching only")
